"""Every error of the API with an example: the exceptions themselves, written as the views answer them."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus

from django.http import QueryDict
from django.utils import translation
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import exceptions

from access.api import permissions
from access.api.session_authentication import TwoFactorRequired
from core.errors import DomainError
from payments.errors import AmbiguousOrder, LookupUnavailable, PaymentNotFound
from refunds import errors, messages, token_errors
from refunds.api.body import read_idempotency_key, read_refund_request, read_tax_parts, read_uids
from refunds.api.errors import STATUS_OF, DatabaseUnavailable
from refunds.api.framework_messages import framework_error_json
from refunds.api.lists.filters import RefundListForm
from refunds.api.lists.pagination import invalid_cursor
from refunds.api.openapi.examples import ENDED, REFUSED, WAITING, payment, refund, written
from refunds.api.parsers import TooLarge
from refunds.inputs import RefundRequest
from refunds.models import RefundStatus
from refunds.policies import RefundContext
from refunds.policies.rules import AMOUNT, IMPOSSIBLE, INPUTS, PARTIAL, TAX_PARTS
from refunds.serialization import ErrorSerializer, Json, error_json

_Error = DomainError | exceptions.APIException

_RULES = [rule for group in (IMPOSSIBLE, AMOUNT, PARTIAL, *INPUTS, *TAX_PARTS) for rule in group]
RULE_CODES = [rule.code for rule in _RULES]
_MEANINGS = {
    HTTPStatus.BAD_REQUEST: "Nothing was sent. `violations` name every input or parameter to fix.",
    HTTPStatus.UNAUTHORIZED: "Not signed in.",
    HTTPStatus.FORBIDDEN: "Not allowed: by the account's permissions, or by the token's scopes and limits.",
    HTTPStatus.NOT_FOUND: "Unknown, or another buyer's.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Use a method that `Allow` lists.",
    HTTPStatus.NOT_ACCEPTABLE: "Answers are JSON.",
    HTTPStatus.CONFLICT: "Another refund of this payment is open or waits for approval: wait for it. Or the key "
    "belongs to another body, or to a request that was not approved: use a new one. Or the money may reach a stranger: "
    "let the buyer check the account, and confirm it.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is over 64 KiB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Send JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "i'mport or the PG refused, with its own message. The ledger was compared with "
    "i'mport and updated.",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait as long as `Retry-After` says. Where a refund is refused without it, contact "
    "the shop.",
    HTTPStatus.SERVICE_UNAVAILABLE: "This request refunded nothing: try again, with a new key where a refund was "
    "recorded.",
    HTTPStatus.GATEWAY_TIMEOUT: "Sent, but no answer came. It is being checked: poll `GET /refunds/{number}`, and do "
    "not refund elsewhere.",
}


def error_answers(*found: _Error) -> dict[int, OpenApiResponse]:
    """The error answers by status, each with its codes and an example of each."""
    by_status: dict[int, list[OpenApiExample]] = defaultdict(list)
    for exc in found:
        body = _body_of(exc)
        status = STATUS_OF[type(exc)] if isinstance(exc, DomainError) else exc.status_code
        by_status[int(status)].append(OpenApiExample(body["code"], value=body))
    return {
        status: OpenApiResponse(
            ErrorSerializer,
            description=f"{_MEANINGS[HTTPStatus(status)]}\n\n"
            f"`code`: {', '.join(f'`{example.name}`' for example in examples)}.",
            examples=examples,
        )
        for status, examples in sorted(by_status.items())
    }


@translation.override("en")
def _body_of(exc: _Error) -> Json:
    body = error_json(exc) if isinstance(exc, DomainError) else framework_error_json(exc, method="DELETE")
    sent: Json = written(body)
    return sent


def _raised(read: Callable[[], object]) -> DomainError:
    try:
        read()
    except DomainError as exc:
        return exc
    raise AssertionError("an example of an error raised none")


def _unfit(body: Json) -> DomainError:
    return _raised(lambda: (read_uids(body), read_refund_request(body, requester="customer")))


def _not_done(error: type[errors.RefundNotDone], message: str) -> DomainError:
    return error(message, refund(RefundStatus.FAILED, error_code=error.code, message=message))


def _forbidden_by_rules() -> list[DomainError]:
    context = RefundContext(
        payment=payment(
            pay_method="vbank", pg_provider="html5_inicis", tax_free=Decimal(3000), vat_amount=Decimal(636)
        ),
        request=RefundRequest(amount=Decimal(40_000), refund_bank="Bank of Atlantis"),
        now=datetime(2026, 11, 23, tzinfo=UTC),
        contracts=frozenset(),
        vbank_fee=Decimal(0),
    )
    return [errors.PolicyViolated((rule.violation(context),)) for rule in _RULES]


with translation.override("en"):
    _ANY_REQUEST: list[_Error] = [
        exceptions.NotAuthenticated(),
        exceptions.AuthenticationFailed("Invalid token."),
        TwoFactorRequired(),
        exceptions.MethodNotAllowed("DELETE"),
        exceptions.NotAcceptable(),
        exceptions.Throttled(17),
        DatabaseUnavailable(),
    ]
    _NOT_LOOKED_UP = LookupUnavailable("i'mport cannot be reached. Try again in a moment.")
    READING: list[_Error] = [*_ANY_REQUEST, permissions.TokenScopeMissing(permissions.CANNOT_READ)]
    ONE_PAYMENT: list[_Error] = [*READING, PaymentNotFound("ORDER-1"), exceptions.NotFound(), _NOT_LOOKED_UP]
    ONE_REFUND: list[_Error] = [*READING, errors.RefundNotFound("R7K3M9Q2X4P"), exceptions.NotFound()]
    ONE_APPROVAL: list[_Error] = [*READING, errors.ApprovalNotFound("A4M8T2W6K93"), exceptions.NotFound()]
    STATEMENTS: list[_Error] = [*READING, exceptions.PermissionDenied()]
    ONE_STATEMENT: list[_Error] = [*STATEMENTS, exceptions.NotFound()]
    LIST: list[_Error] = [
        *READING,
        _raised(lambda: RefundListForm(QueryDict("state=failed")).given()),
        _raised(lambda: RefundListForm(QueryDict("status=lost")).given()),
        invalid_cursor(),
    ]
    TAX_PARTS_OF_PAYMENT: list[_Error] = [
        *_ANY_REQUEST,
        exceptions.ParseError("The request is not valid JSON.", code="invalid_json"),
        _raised(lambda: read_tax_parts({"taxfree": 3000})),
        _raised(lambda: read_tax_parts({"tax_free": "3000"})),
        errors.RefundNotAllowed(),
        exceptions.PermissionDenied("CSRF Failed"),
        permissions.TokenScopeMissing(permissions.CANNOT_REFUND),
        PaymentNotFound("ORDER-1"),
        exceptions.NotFound(),
        AmbiguousOrder("ORDER-1", ["imp_000000000001", "imp_000000000002"]),
        TooLarge(),
        exceptions.UnsupportedMediaType("text/plain"),
    ]
    _WRONG_REASONS = [
        errors.PolicyViolated((errors.Violation(code, message, field),))
        for code, message, field in (
            ("invalid_reason_code", "“late” is not a reason in use. Use one of: late_delivery, other.", "reason_code"),
            ("reason_code_required", "Choose a reason for the refund.", "reason_code"),
            ("reason_note_required", "The reason “Other” needs an explanation: fill in the text as well.", "reason"),
        )
    ]
    CANCEL: list[_Error] = [
        *_ANY_REQUEST,
        exceptions.ParseError("The request is not valid JSON.", code="invalid_json"),
        _unfit({}),
        _unfit({"merchant_uid": "x" * 41}),
        _unfit({"merchant_uid": "ORDER-1", "amount": 4000}),
        _unfit({"merchant_uid": "ORDER-1", "cancel_request_amount": "4000"}),
        _unfit({"merchant_uid": "ORDER-1", "reason": "x" * 201}),
        _unfit({"merchant_uid": "ORDER-1", "retain_promotion": "true"}),
        _unfit({"merchant_uid": "ORDER-1", "confirm": "account_holder_differs"}),
        _raised(lambda: read_idempotency_key("")),
        AmbiguousOrder("ORDER-1", ["imp_000000000001", "imp_000000000002"]),
        *_forbidden_by_rules(),
        *_WRONG_REASONS,
        errors.RefundNotAllowed(),
        exceptions.PermissionDenied("CSRF Failed"),
        permissions.TokenScopeMissing(permissions.CANNOT_REFUND),
        token_errors.TokenAmountLimit("₩40,000", "₩30,000"),
        token_errors.TokenDailyLimit("₩40,000", "₩100,000", "₩20,000"),
        token_errors.TokenCurrency("KRW"),
        token_errors.TokenEnded(),
        PaymentNotFound("ORDER-1"),
        _NOT_LOOKED_UP,
        errors.RefundInProgress(),
        errors.ApprovalWaiting(WAITING),
        *(errors.ApprovalEnded(approval) for approval in ENDED),
        errors.IdempotencyConflict(),
        errors.ConfirmationRequired(
            (errors.Violation("account_holder_differs", "This account belongs to somebody else.", "refund_holder"),)
        ),
        TooLarge(),
        exceptions.UnsupportedMediaType("text/plain"),
        _not_done(errors.RefundRefused, REFUSED.message),
        errors.TooManyFailed(),
        errors.Busy("Too many requests are waiting for i'mport. Nothing was sent; try again in a moment."),
        _not_done(errors.RefundNotSent, "i'mport cannot be reached. Nothing was sent; try again in a moment."),
        _not_done(errors.RefundAbandoned, str(messages.NOT_CARRIED_OUT)),
        errors.RefundOutcomeUnknown(str(messages.UNKNOWN), refund(RefundStatus.UNKNOWN)),
    ]
