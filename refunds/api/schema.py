"""What the OpenAPI description says of each address; the views wear these as decorators."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from refunds.api import examples
from refunds.api.shapes import (
    ErrorShape,
    PaymentShape,
    PendingRefundShape,
    RefundedPaymentShape,
    RefundListShape,
    RefundRequestShape,
    RefundShape,
)
from refunds.policies.table import AMOUNT, IMPOSSIBLE, INPUTS, PARTIAL, TAX_PARTS

Json = dict[str, Any]
Endpoint = tuple[Any, ...]  # path, its regular expression, method, view

RULE_CODES = [rule.code for group in (IMPOSSIBLE, AMOUNT, PARTIAL, *INPUTS, *TAX_PARTS) for rule in group]
INPUT_CODES = [
    *("invalid_json", "missing_uid", "invalid_uid", "unknown_field", "invalid_amount", "invalid_text"),
    "invalid_idempotency_key",
]

# --- Answers --------------------------------------------------------------------------------------------------


def _words(codes: list[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _errors(what: str, shown: list[OpenApiExample]) -> OpenApiResponse:
    """An error answer with an example of each of its codes."""
    codes = _words([example.name for example in shown])
    return OpenApiResponse(ErrorShape, description=f"{what}\n\n`code`: {codes}.", examples=shown)


def _framework_error(code: str, message: str, what: str) -> OpenApiResponse:
    return _errors(what, [examples.error(code, message)])


def _sorted(answers: dict[int, OpenApiResponse]) -> dict[int, OpenApiResponse]:
    return {int(status): answers[status] for status in sorted(answers)}


_ANY_METHOD: dict[int, OpenApiResponse] = {
    HTTPStatus.UNAUTHORIZED: _errors("Not signed in.", examples.UNAUTHENTICATED),
    HTTPStatus.METHOD_NOT_ALLOWED: _framework_error(
        "method_not_allowed", "Method “DELETE” not allowed.", "Another method is meant."
    ),
    HTTPStatus.NOT_ACCEPTABLE: _framework_error(
        "not_acceptable", "Could not satisfy the request Accept header.", "Answers are JSON."
    ),
    HTTPStatus.TOO_MANY_REQUESTS: _errors("Wait as long as `Retry-After` says.", [examples.THROTTLED]),
}

_BAD_REQUEST = OpenApiResponse(
    ErrorShape,
    description="Nothing was sent. `code`:\n\n"
    f"- the request cannot be read: {_words(INPUT_CODES)};\n"
    "- the order was paid more than once, name the `imp_uid`: `several_payments`;\n"
    f"- a rule forbids the refund, `violations` name the inputs to mend: {_words(RULE_CODES)}.",
    examples=examples.REFUSED_REQUESTS,
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
        "Not allowed: by the account's permissions, or by the token's scopes and limits.", examples.FORBIDDEN
    ),
    HTTPStatus.NOT_FOUND: _errors("Unknown, or somebody else's.", [examples.PAYMENT_NOT_FOUND]),
    HTTPStatus.CONFLICT: _errors(
        "Another refund of this payment is open: wait for it. Or the key belongs to another body: use a new one.",
        examples.CONFLICTS,
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: _framework_error(
        "unsupported_media_type", "Unsupported media type “text/plain” in request.", "Send JSON."
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: _errors(
        "i'mport or the PG said no, in its own words. The ledger was compared with i'mport and repaired.",
        examples.GATEWAY_REFUSALS,
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: _errors(
        "This request refunded nothing: try again, with a new key where a refund was recorded.", examples.UNAVAILABLE
    ),
    HTTPStatus.GATEWAY_TIMEOUT: _errors(
        "Sent, but no answer came. It is being checked: poll `GET /refunds/{number}`, and do not refund elsewhere.",
        examples.UNKNOWN_OUTCOMES,
    ),
}


def _found(shape: Any, shown: list[OpenApiExample]) -> dict[int, OpenApiResponse]:
    missing = [examples.PAYMENT_NOT_FOUND, examples.NOT_FOUND]
    return _sorted(
        _ANY_METHOD
        | {
            HTTPStatus.OK: OpenApiResponse(shape, description="Found.", examples=shown),
            HTTPStatus.FORBIDDEN: _errors("The token may not read.", [examples.MAY_NOT_READ]),
            HTTPStatus.NOT_FOUND: _errors("Unknown, or somebody else's.", missing),
            HTTPStatus.SERVICE_UNAVAILABLE: _errors("Try again.", [examples.DATABASE_UNAVAILABLE]),
        }
    )


# --- Addresses ------------------------------------------------------------------------------------------------

_PAYMENT_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "minLength": 1},
    OpenApiParameter.PATH,
    description="The `merchant_uid` of the order; an `imp_uid` is accepted too.",
)
_REFUND_NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "pattern": "^[0-9A-Za-z]{1,20}$"},
    OpenApiParameter.PATH,
    description="The refund's `number` or `id`.",
)
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="Repeat it when no answer came: the same key with the same body gives the outcome of the first "
    "request and never refunds twice. A request that a rule refused made no refund, so its key may be used again.",
    examples=[OpenApiExample("UUID", value="0b1e5a3c-5f0e-4c53-9a43-2f6f7f1f4a77")],
)
_RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    {"type": "integer", "minimum": 1},
    OpenApiParameter.HEADER,
    description="Seconds until the next request is taken.",
    response=[HTTPStatus.TOO_MANY_REQUESTS.value],
)

cancel_payment = extend_schema(
    operation_id="cancelPayment",
    tags=["refunds"],
    summary="Refund an order, wholly or in part",
    description="Answers the updated payment. Name the order by `merchant_uid` or `imp_uid`.",
    parameters=[_IDEMPOTENCY_KEY, _RETRY_AFTER],
    request={"application/json": RefundRequestShape},
    responses=_sorted(_CANCEL_ANSWERS),
    examples=examples.REFUND_REQUESTS,
)
get_payment = extend_schema(
    operation_id="getPayment",
    tags=["payments"],
    summary="One payment",
    description="If several payments share the order number, the one that a refund would mean.",
    parameters=[_PAYMENT_NUMBER, _RETRY_AFTER],
    responses=_found(PaymentShape, examples.PAYMENTS),
)
list_refunds = extend_schema(
    operation_id="listRefunds",
    tags=["payments"],
    summary="The refunds of one payment",
    description="Newest first.",
    parameters=[_PAYMENT_NUMBER, _RETRY_AFTER],
    responses=_found(RefundListShape, examples.REFUND_LISTS),
)
get_refund = extend_schema(
    operation_id="getRefund",
    tags=["refunds"],
    summary="One refund",
    description="Poll it while `status` is `requested`, `pending` or `unknown`.",
    parameters=[_REFUND_NUMBER, _RETRY_AFTER],
    responses=_found(RefundShape, examples.REFUNDS),
)


def without_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The addresses without the trailing slash, which is optional."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def refuse_unknown_fields(result: Json, **_context: Any) -> Json:
    """Say of the refund request what a serializer cannot: one of two numbers, and no other field."""
    request = result["components"]["schemas"]["RefundRequest"]
    request["additionalProperties"] = False
    request["anyOf"] = [{"required": ["merchant_uid"]}, {"required": ["imp_uid"]}]
    return result


# --- Signing in -----------------------------------------------------------------------------------------------


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.authentication.TokenAuthentication"
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

    target_class = "access.session_authentication.SessionAuthentication"
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
