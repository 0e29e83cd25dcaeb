"""Describe each operation for OpenAPI: decorators for the views, and hooks for what serializers cannot say."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer, extend_schema

from refunds.api.body import RefundRequestSerializer, TaxPartsSerializer
from refunds.api.lists.filters import ApprovalListForm, PaymentListForm, RefundListForm
from refunds.api.lists.pagination import APPROVAL_PAGE, PAYMENT_PAGE, REASON_LIST, REFUND_LIST, REFUND_PAGE
from refunds.api.openapi import error_examples, examples, parameters
from refunds.api.openapi.error_examples import error_answers
from refunds.api.responses import AWAITING_APPROVAL, FULL_PAYMENT, PENDING_REFUND, REFUNDED_PAYMENT, STATED_PAYMENT
from refunds.serialization import ApprovalSerializer, RefundSerializer

Json = dict[str, Any]
Endpoint = tuple[Any, ...]  # path, its regular expression, method, view


def _found(serializer: Any, example: list[OpenApiExample], errors: list[Any]) -> dict[int, OpenApiResponse]:
    found = OpenApiResponse(serializer, description="Found.", examples=example)
    return {HTTPStatus.OK.value: found} | error_answers(*errors)


cancel_payment = extend_schema(
    operation_id="cancelPayment",
    tags=["refunds"],
    summary="Refund an order, wholly or in part",
    description="Answers with the updated payment. Specify the order by `merchant_uid` or `imp_uid`.",
    parameters=[parameters.IDEMPOTENCY_KEY, *parameters.HEADERS_OF_ALL, *parameters.HEADERS_OF_CANCEL],
    request={"application/json": RefundRequestSerializer},
    responses={
        200: OpenApiResponse(REFUNDED_PAYMENT, description="Refunded.", examples=examples.DONE),
        202: OpenApiResponse(
            PolymorphicProxySerializer(
                "NotRefundedYet", [PENDING_REFUND, AWAITING_APPROVAL], resource_type_field_name=None, many=False
            ),
            description="Not refunded yet.\n\n`code`: `pending` (accepted; the PG executes it later, poll "
            "`GET /refunds/{number}`), `awaiting_approval` (above a limit of the shop; nothing was sent, a second "
            "person decides, poll `GET /approvals/{number}`).",
            examples=[*examples.PENDING, *examples.AWAITING],
        ),
    }
    | error_answers(*error_examples.CANCEL),
    examples=examples.REFUND_REQUESTS,
)
list_payments = extend_schema(
    operation_id="listPayments",
    tags=["payments"],
    summary="List payments",
    description="All that you can see, newest first: by `paid_at`, or by when it was first stored here if it was "
    "not paid. An unknown parameter is an error.",
    parameters=[*parameters.list_parameters(PaymentListForm), *parameters.HEADERS_OF_ALL],
    responses=_found(PAYMENT_PAGE, examples.PAYMENT_PAGE, error_examples.LIST),
)
get_payment = extend_schema(
    operation_id="getPayment",
    tags=["payments"],
    summary="Get a payment",
    description="If several payments share the order number, the one that a refund would use.",
    parameters=[parameters.PAYMENT_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(FULL_PAYMENT, examples.PAYMENT, error_examples.ONE_PAYMENT),
)
state_tax_parts = extend_schema(
    operation_id="stateTaxParts",
    tags=["payments"],
    summary="State a payment's tax parts",
    description="For the shop's servers: the tax-free part and the VAT as given at payment, which i'mport does not "
    "show. The account needs the permissions to refund and to change payments.",
    parameters=[parameters.PAYMENT_NUMBER, *parameters.HEADERS_OF_ALL],
    request={"application/json": TaxPartsSerializer},
    responses={200: OpenApiResponse(STATED_PAYMENT, description="Stated.", examples=examples.STATED)}
    | error_answers(*error_examples.TAX_PARTS_OF_PAYMENT),
    examples=examples.TAX_PARTS,
)
list_payment_refunds = extend_schema(
    operation_id="listPaymentRefunds",
    tags=["payments"],
    summary="List a payment's refunds",
    description="All of them, newest first.",
    parameters=[parameters.PAYMENT_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(REFUND_LIST, examples.REFUND_LIST, error_examples.ONE_PAYMENT),
)
list_refunds = extend_schema(
    operation_id="listRefunds",
    tags=["refunds"],
    summary="List refunds",
    description="All that you can see, newest first: by `requested_at`. An unknown parameter is an error.",
    parameters=[*parameters.list_parameters(RefundListForm), *parameters.HEADERS_OF_ALL],
    responses=_found(REFUND_PAGE, examples.REFUND_PAGE, error_examples.LIST),
)
list_refund_reasons = extend_schema(
    operation_id="listRefundReasons",
    tags=["refunds"],
    summary="List the reasons for refunds",
    description="The reasons in use, in the shop's order. Send the `code` of one as `reason_code`.",
    parameters=parameters.HEADERS_OF_ALL,
    responses=_found(REASON_LIST, examples.REASON_LIST, error_examples.READING),
)
get_refund = extend_schema(
    operation_id="getRefund",
    tags=["refunds"],
    summary="Get a refund",
    description="Poll it while `status` is `requested`, `pending` or `unknown`.",
    parameters=[parameters.REFUND_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(RefundSerializer, examples.REFUND, error_examples.ONE_REFUND),
)
list_approvals = extend_schema(
    operation_id="listApprovals",
    tags=["approvals"],
    summary="List requests for approval",
    description="Refunds above a limit of the shop, which a second person decides in the admin. All that you can see, "
    "newest first: by `requested_at`. Those of bulk refunds are in the admin only. An unknown parameter is an error.",
    parameters=[*parameters.list_parameters(ApprovalListForm), *parameters.HEADERS_OF_ALL],
    responses=_found(APPROVAL_PAGE, examples.APPROVAL_PAGE, error_examples.LIST),
)
get_approval = extend_schema(
    operation_id="getApproval",
    tags=["approvals"],
    summary="Get a request for approval",
    description="Poll it while `status` is `waiting`. Once it is `approved`, `refund` is the number of its refund.",
    parameters=[parameters.APPROVAL_NUMBER, *parameters.HEADERS_OF_ALL],
    responses=_found(ApprovalSerializer, examples.APPROVAL, error_examples.ONE_APPROVAL),
)


def without_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Describe the URLs without their optional trailing slash."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def refuse_unknown_fields(result: Json, **_context: Any) -> Json:
    """Require one of two numbers in the refund request, and allow no other field."""
    request = result["components"]["schemas"]["RefundRequest"]
    request["additionalProperties"] = False
    request["anyOf"] = [{"required": ["merchant_uid"]}, {"required": ["imp_uid"]}]
    result["paths"]["/payments/cancel"]["post"]["requestBody"]["required"] = True
    for name in ("TaxParts", "PatchedTaxParts"):
        if name in result["components"]["schemas"]:
            result["components"]["schemas"][name]["additionalProperties"] = False
    return result


# Operation, its statuses, the next operation, and the pointer to its `number` in the answer.
_LINKS = (
    ("cancelPayment", ("200", "202", "504"), "getRefund", "/refund/number"),
    ("cancelPayment", ("200",), "getPayment", "/imp_uid"),
    ("getPayment", ("200",), "listPaymentRefunds", "/imp_uid"),
    ("getRefund", ("200",), "getPayment", "/imp_uid"),
)


def link_answers(result: Json, **_context: Any) -> Json:
    """Link each answer to the operations that take its numbers."""
    operations = {found["operationId"]: found for path in result["paths"].values() for found in path.values()}
    for operation, statuses, following, pointer in _LINKS:
        link = {"operationId": following, "parameters": {"number": f"$response.body#{pointer}"}}
        for status in statuses:
            operations[operation]["responses"][status].setdefault("links", {})[following] = link
    return result


# --- Authentication -----------------------------------------------------------------------------------------------


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.api.token_authentication.TokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        description = (
            "Enter the token alone: `rd_…`. It is sent as `Authorization: Bearer rd_…`; `Token rd_…` works too. "
            "Create one under [API tokens](/admin/access/apitoken/) or with `manage.py api_token USERNAME`. "
            "It has its account's permissions within its scopes (read, refund) and limits (per refund, per day), until "
            "it expires or is revoked."
        )
        return {"type": "http", "scheme": "bearer", "description": description}
