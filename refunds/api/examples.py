"""Answers of the API as its OpenAPI description shows them."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

Json = dict[str, Any]

PAYMENT: Json = {
    "imp_uid": "imp_000000000001",
    "merchant_uid": "ORDER-1",
    "name": "Linen shirt",
    "status": "cancelled",
    "pay_method": "card",
    "currency": "KRW",
    "amount": 10000,
    "cancel_amount": 4000,
    "refundable_amount": 6000,
    "paid_at": "2026-11-20T03:00:00Z",
}
_UNTOUCHED = PAYMENT | {"status": "paid", "cancel_amount": 0, "refundable_amount": 10000}

REFUND: Json = {
    "id": 1,
    "number": "R7K3M9Q2X4P",
    "imp_uid": "imp_000000000001",
    "merchant_uid": "ORDER-1",
    "status": "succeeded",
    "source": "api",
    "currency": "KRW",
    "amount": 4000,
    "cancelled_amount": 4000,
    "reason": "size",
    "refund_account_last4": "",
    "cancellation_id": "cancel_961137a30c7f1875",
    "receipt_url": "https://receipts.example/cancel_961137a30c7f1875",
    "code": "",
    "message": "",
    "requested_at": "2026-11-23T03:00:00.120000Z",
    "settled_at": "2026-11-23T03:00:01.480000Z",
}


def _refund_without_money(status: str, *, code: str = "", message: str) -> Json:
    settled_at = REFUND["settled_at"] if status == "failed" else None
    outcome = {"status": status, "code": code, "message": message, "settled_at": settled_at}
    return REFUND | outcome | {"cancelled_amount": None, "cancellation_id": "", "receipt_url": ""}


def error(code: str, message: str, **more: Any) -> OpenApiExample:
    """An error answer, named for its code."""
    return OpenApiExample(code, value={"message": message, "code": code, **more})


def _not_done(code: str, message: str, *, status: str, retryable: bool = False) -> OpenApiExample:
    refund = _refund_without_money(status, code=code if status == "failed" else "", message=message)
    return error(code, message, retryable=retryable, refund=refund)


def _unfit(code: str, message: str, field: str) -> OpenApiExample:
    violation = {"code": code, "message": message, "field": field}
    return error(code, message, retryable=False, violations=[violation])


_LATER = "Accepted by i'mport; the PG carries it out later."

REFUND_REQUESTS = [
    OpenApiExample(
        "A part", value={"merchant_uid": "ORDER-1", "cancel_request_amount": 4000, "reason": "size"}, request_only=True
    ),
    OpenApiExample("All that is left", value={"merchant_uid": "ORDER-1"}, request_only=True),
    OpenApiExample(
        "To a bank account",
        value={
            "imp_uid": "imp_000000000001",
            "cancel_request_amount": 4000,
            "reason": "사이즈 교환",
            "refund_holder": "홍길동",
            "refund_bank": "BK88",
            "refund_account": "110-123-456789",
        },
        request_only=True,
    ),
]

DONE = [OpenApiExample("Refunded", value=PAYMENT | {"refund": REFUND})]
PENDING = [
    OpenApiExample(
        "pending",
        value=_UNTOUCHED
        | {"refund": _refund_without_money("pending", message=_LATER), "message": _LATER, "code": "pending"},
    )
]
PAYMENTS = [OpenApiExample("Partly refunded", value=PAYMENT)]
REFUNDS = [OpenApiExample("Succeeded", value=REFUND)]
REFUND_LISTS = [
    OpenApiExample("One refund", value={"results": [REFUND]}),
    OpenApiExample("None yet", value={"results": []}),
]

REFUSED_REQUESTS = [
    error("invalid_json", "The request is not valid JSON."),
    _unfit("unknown_field", "“amount” is not known. Check its spelling.", "amount"),
    error(
        "several_payments",
        "Order “ORDER-1” was paid more than once (imp_000000000001, imp_000000000002). "
        "Name the one you mean by imp_uid.",
        retryable=False,
    ),
    _unfit(
        "amount_exceeds_balance",
        "₩40,000 is more than can be refunded: only ₩10,000 is left. Enter that much or less.",
        "amount",
    ),
]
UNAUTHENTICATED = [
    error("not_authenticated", "Authentication credentials were not provided."),
    error("authentication_failed", "Invalid token."),
]
FORBIDDEN = [
    error(
        "permission_denied",
        "You are not allowed to refund payments. Ask an administrator for the permission.",
        retryable=False,
    ),
    error("csrf_failed", "CSRF Failed: CSRF token missing."),
    error("two_factor_required", "Your account needs two-factor sign-in first: set it up in the admin."),
]
PAYMENT_NOT_FOUND = error("payment_not_found", "There is no payment “ORDER-1” here. Check the number.", retryable=False)
NOT_FOUND = error("not_found", "There is nothing here.")
CONFLICTS = [
    error(
        "refund_in_progress",
        "A refund of this order is in progress. Wait for its result, then ask again.",
        retryable=True,
    ),
    error(
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request. Use a new key for a new refund.",
        retryable=False,
    ),
]
GATEWAY_REFUSALS = [
    _not_done(
        "refused_by_gateway", "결제취소에 실패하였습니다. [잔액부족] 가맹점 정산 잔액이 부족합니다.", status="failed"
    )
]
DATABASE_UNAVAILABLE = error(
    "database_unavailable", "The database cannot be reached. This request refunded nothing; try again in a moment."
)
UNAVAILABLE = [
    _not_done(
        "gateway_unavailable",
        "i'mport cannot be reached; nothing was sent. Try again in a moment.",
        status="failed",
        retryable=True,
    ),
    _not_done(
        "refund_not_carried_out",
        "i'mport shows that this refund was not carried out. Ask again if it is still wanted.",
        status="failed",
        retryable=True,
    ),
    DATABASE_UNAVAILABLE,
]
UNKNOWN_OUTCOMES = [
    _not_done(
        "outcome_unknown",
        "The refund was sent, but no answer came: it may or may not be done. It is being checked; "
        "do not refund this order elsewhere meanwhile.",
        status="unknown",
    )
]
