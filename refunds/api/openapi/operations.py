"""What the OpenAPI description says of each address; the views wear these as decorators."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from refunds.api.openapi import error_examples, examples, parameters
from refunds.api.openapi.error_examples import RULE_CODES, framework_error
from refunds.api.openapi.schemas import (
    ErrorShape,
    PaymentPageShape,
    PaymentShape,
    PendingRefundShape,
    RefundedPaymentShape,
    RefundListShape,
    RefundPageShape,
    RefundRequestShape,
    RefundShape,
)

Json = dict[str, Any]
Endpoint = tuple[Any, ...]  # path, its regular expression, method, view

# --- Answers --------------------------------------------------------------------------------------------------


def _words(codes: list[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _errors(what: str, shown: list[OpenApiExample]) -> OpenApiResponse:
    """An error answer with an example of each of its codes."""
    codes = _words([example.name for example in shown])
    return OpenApiResponse(ErrorShape, description=f"{what}\n\n`code`: {codes}.", examples=shown)


def _sorted(answers: dict[int, OpenApiResponse]) -> dict[int, OpenApiResponse]:
    return {int(status): answers[status] for status in sorted(answers)}


_ANY_METHOD: dict[int, OpenApiResponse] = {
    HTTPStatus.UNAUTHORIZED: _errors("Not signed in.", error_examples.UNAUTHENTICATED),
    HTTPStatus.METHOD_NOT_ALLOWED: _errors(
        "Another method is meant.", [framework_error("method_not_allowed", method="DELETE")]
    ),
    HTTPStatus.NOT_ACCEPTABLE: _errors("Answers are JSON.", [framework_error("not_acceptable")]),
    HTTPStatus.TOO_MANY_REQUESTS: _errors("Wait as long as `Retry-After` says.", [error_examples.THROTTLED]),
}

_BAD_REQUEST = OpenApiResponse(
    ErrorShape,
    description="Nothing was sent. `code`:\n\n"
    f"- the request cannot be read: {_words([example.name for example in error_examples.UNREADABLE])};\n"
    "- the order was paid more than once, name the `imp_uid`: `several_payments`;\n"
    f"- a rule forbids the refund, `violations` name the inputs to mend: {_words(RULE_CODES)}.",
    examples=[*error_examples.UNREADABLE, error_examples.SEVERAL_PAYMENTS, *error_examples.RULES],
)

_CANCEL_ANSWERS: dict[int, OpenApiResponse] = _ANY_METHOD | {
    HTTPStatus.OK: OpenApiResponse(RefundedPaymentShape, description="Refunded.", examples=examples.DONE),
    HTTPStatus.ACCEPTED: OpenApiResponse(
        PendingRefundShape,
        description="Accepted; the PG carries it out later. Poll `GET /refunds/{number}`.\n\n`code`: `pending`.",
        examples=examples.PENDING,
    ),
    HTTPStatus.BAD_REQUEST: _BAD_REQUEST,
    HTTPStatus.FORBIDDEN: _errors(
        "Not allowed: by the account's permissions, or by the token's scopes and limits.", error_examples.FORBIDDEN
    ),
    HTTPStatus.NOT_FOUND: _errors("Unknown, or somebody else's.", [error_examples.PAYMENT_NOT_FOUND]),
    HTTPStatus.CONFLICT: _errors(
        "Another refund of this payment is open: wait for it. Or the key belongs to another body: use a new one.",
        error_examples.CONFLICTS,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _errors("The body is over 64 KiB.", [error_examples.TOO_LARGE]),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: _errors("Send JSON.", [framework_error("unsupported_media_type")]),
    HTTPStatus.TOO_MANY_REQUESTS: _errors(
        "Wait as long as `Retry-After` says. Without it, buyers only: 20 refunds of this payment failed within a day; "
        "the shop has to make it.",
        error_examples.TOO_MANY,
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: _errors(
        "i'mport or the PG said no, in its own words. The ledger was compared with i'mport and repaired.",
        error_examples.GATEWAY_REFUSALS,
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: _errors(
        "This request refunded nothing: try again, with a new key where a refund was recorded.",
        error_examples.UNAVAILABLE,
    ),
    HTTPStatus.GATEWAY_TIMEOUT: _errors(
        "Sent, but no answer came. It is being checked: poll `GET /refunds/{number}`, and do not refund elsewhere.",
        error_examples.UNKNOWN_OUTCOMES,
    ),
}


_MAY_NOT_READ = _errors("The token, or the account as it is, may not read.", error_examples.MAY_NOT_READ)
_TRY_AGAIN = _errors("Try again.", [error_examples.DATABASE_UNAVAILABLE])


def _found(shape: Any, shown: list[OpenApiExample], *missing: OpenApiExample) -> dict[int, OpenApiResponse]:
    return _sorted(
        _ANY_METHOD
        | {
            HTTPStatus.OK: OpenApiResponse(shape, description="Found.", examples=shown),
            HTTPStatus.FORBIDDEN: _MAY_NOT_READ,
            HTTPStatus.NOT_FOUND: _errors("Unknown, or somebody else's.", [*missing, error_examples.NOT_FOUND]),
            HTTPStatus.SERVICE_UNAVAILABLE: _TRY_AGAIN,
        }
    )


def _listed(shape: Any, shown: list[OpenApiExample]) -> dict[int, OpenApiResponse]:
    what = "The list was asked for wrongly; `violations` name every parameter to mend."
    return _sorted(
        _ANY_METHOD
        | {
            HTTPStatus.OK: OpenApiResponse(shape, description="One page.", examples=shown),
            HTTPStatus.BAD_REQUEST: _errors(what, error_examples.UNREADABLE_QUERIES),
            HTTPStatus.FORBIDDEN: _MAY_NOT_READ,
            HTTPStatus.SERVICE_UNAVAILABLE: _TRY_AGAIN,
        }
    )


# --- Addresses ------------------------------------------------------------------------------------------------

cancel_payment = extend_schema(
    operation_id="cancelPayment",
    tags=["refunds"],
    summary="Refund an order, wholly or in part",
    description="Answers the updated payment. Name the order by `merchant_uid` or `imp_uid`.",
    parameters=[parameters.IDEMPOTENCY_KEY, *parameters.HEADERS_OF_ALL, *parameters.HEADERS_OF_CANCEL],
    request={"application/json": RefundRequestShape},
    responses=_sorted(_CANCEL_ANSWERS),
    examples=examples.REFUND_REQUESTS,
)
list_payments = extend_schema(
    operation_id="listPayments",
    tags=["payments"],
    summary="Payments",
    description="All that you may see, newest first: by `paid_at`, or by when it was first seen here if it was not "
    "paid. An unknown parameter is an error.",
    parameters=[*parameters.PAYMENT_FILTERS, *parameters.HEADERS_OF_ALL],
    responses=_listed(PaymentPageShape, examples.PAYMENT_LISTS),
)
get_payment = extend_schema(
    operation_id="getPayment",
    tags=["payments"],
    summary="One payment",
    description="If several payments share the order number, the one that a refund would mean.",
    parameters=[parameters.PAYMENT_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(PaymentShape, examples.PAYMENTS, error_examples.PAYMENT_NOT_FOUND),
)
list_payment_refunds = extend_schema(
    operation_id="listPaymentRefunds",
    tags=["payments"],
    summary="The refunds of one payment",
    description="All of them, newest first.",
    parameters=[parameters.PAYMENT_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(RefundListShape, examples.REFUND_LISTS, error_examples.PAYMENT_NOT_FOUND),
)
list_refunds = extend_schema(
    operation_id="listRefunds",
    tags=["refunds"],
    summary="Refunds",
    description="All that you may see, newest first: by `requested_at`. An unknown parameter is an error.",
    parameters=[*parameters.REFUND_FILTERS, *parameters.HEADERS_OF_ALL],
    responses=_listed(RefundPageShape, examples.REFUND_PAGES),
)
get_refund = extend_schema(
    operation_id="getRefund",
    tags=["refunds"],
    summary="One refund",
    description="Poll it while `status` is `requested`, `pending` or `unknown`.",
    parameters=[parameters.REFUND_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(RefundShape, examples.REFUNDS, error_examples.REFUND_NOT_FOUND),
)


def without_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The addresses without the trailing slash, which is optional."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def refuse_unknown_fields(result: Json, **_context: Any) -> Json:
    """Say of the refund request what a serializer cannot: one of two numbers, and no other field."""
    request = result["components"]["schemas"]["RefundRequest"]
    request["additionalProperties"] = False
    request["anyOf"] = [{"required": ["merchant_uid"]}, {"required": ["imp_uid"]}]
    result["paths"]["/payments/cancel"]["post"]["requestBody"]["required"] = True
    return result


# Which answer leads where: operation, its statuses, the next operation, and where its `number` stands.
_LINKS = (
    ("cancelPayment", ("200", "202", "504"), "getRefund", "/refund/number"),
    ("cancelPayment", ("200",), "getPayment", "/imp_uid"),
    ("getPayment", ("200",), "listPaymentRefunds", "/imp_uid"),
    ("getRefund", ("200",), "getPayment", "/imp_uid"),
)


def link_answers(result: Json, **_context: Any) -> Json:
    """Say which request an answer's numbers are for."""
    operations = {found["operationId"]: found for path in result["paths"].values() for found in path.values()}
    for operation, statuses, following, pointer in _LINKS:
        link = {"operationId": following, "parameters": {"number": f"$response.body#{pointer}"}}
        for status in statuses:
            operations[operation]["responses"][status].setdefault("links", {})[following] = link
    return result


# --- Signing in -----------------------------------------------------------------------------------------------


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.api.token_authentication.TokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        description = (
            "For servers: `Authorization: Token rd_…`. Made in the admin or by `manage.py api_token USERNAME`. It acts "
            "as its account, as far as its scopes (read, refund) and its limits (per refund, per day) reach, until it "
            "expires or is revoked."
        )
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Two schemes at once: the cookie, and for requests that change something Django's token against forgeries."""

    target_class = "access.api.session_authentication.SessionAuthentication"
    name = ["session", "csrf"]
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Json]:
        cookie = "For the storefront's own pages: sign in at `/accounts/login/`."
        header = f"The value of the cookie `{settings.CSRF_COOKIE_NAME}`, sent back."
        return [
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": cookie},
            {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": header},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        return {"session": []} if auto_schema.method == "GET" else {"session": [], "csrf": []}
