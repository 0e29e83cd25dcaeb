"""Every error the API answers, as its OpenAPI description shows it."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from refunds.api.framework_messages import SENTENCES
from refunds.api.openapi.examples import REFUSAL, refund_without_money
from refunds.policies.messages import SENTENCES as RULE_SENTENCES
from refunds.policies.rules import AMOUNT, IMPOSSIBLE, INPUTS, PARTIAL, TAX_PARTS

_RULES = [rule for group in (IMPOSSIBLE, AMOUNT, PARTIAL, *INPUTS, *TAX_PARTS) for rule in group]
RULE_CODES = [rule.code for rule in _RULES]
# What the sentences of the rules name.
_WORDS = {
    "asked": "₩40,000",
    "refundable": "₩10,000",
    "paid": "₩10,000",
    "example": "10000",
    "tax_free_left": "₩3,000",
    "tax_free_least": "₩1,000",
    "vat_left": "₩909",
    "pg": "KG Inicis",
    "bank": "Bank of Atlantis",
    "paid_on": "Nov. 20, 2026",
    "last_day": "May 20, 2027",
}


def error(code: str, message: str, *, retryable: bool = False, **more: Any) -> OpenApiExample:
    """An error answer, named for its code."""
    return OpenApiExample(code, value={"message": message, "code": code, "retryable": retryable, **more})


def framework_error(code: str, *, method: str = "") -> OpenApiExample:
    """What is refused before our code is asked."""
    return error(code, SENTENCES[code] % {"method": method})


def _unfit(code: str, message: str, field: str) -> OpenApiExample:
    return error(code, message, violations=[{"code": code, "message": message, "field": field}])


def _not_done(code: str, message: str, *, status: str, retryable: bool = False) -> OpenApiExample:
    refund = refund_without_money(status, code=code if status == "failed" else "", message=message)
    return error(code, message, retryable=retryable, refund=refund)


UNREADABLE = [
    error("invalid_json", "The request is not valid JSON."),
    _unfit("missing_uid", "Specify the order: merchant_uid (or imp_uid).", "merchant_uid"),
    _unfit("invalid_uid", "“merchant_uid” is too long: at most 40 characters.", "merchant_uid"),
    _unfit("unknown_field", "“amount” is not known. Check its spelling.", "amount"),
    _unfit("invalid_amount", "The amount must be a plain number, such as 1000.", "cancel_request_amount"),
    _unfit("invalid_text", "“reason” is too long: at most 200 characters.", "reason"),
    _unfit(
        "invalid_idempotency_key", "The Idempotency-Key must be 1 to 255 visible ASCII characters.", "Idempotency-Key"
    ),
]
SEVERAL_PAYMENTS = error(
    "several_payments",
    "Order “ORDER-1” has several payments (imp_000000000001, imp_000000000002). Choose one by its imp_uid.",
)
RULES = [
    _unfit(
        rule.code,
        RULE_SENTENCES[rule.code] % _WORDS,
        rule.field if isinstance(rule.field, str) else "refund_holder",
    )
    for rule in _RULES
]
UNREADABLE_QUERIES = [
    _unfit("unknown_parameter", "“state” is not known. Check its spelling.", "state"),
    _unfit("invalid_parameter", "“page_size” must be a whole number from 1 to 100.", "page_size"),
    _unfit(
        "invalid_cursor",
        "Invalid cursor. Follow “next” and “previous”, or start without a cursor.",
        "cursor",
    ),
]
UNAUTHENTICATED = [framework_error("not_authenticated"), error("authentication_failed", "Invalid token.")]
_TWO_FACTOR = error("two_factor_required", "Your account needs two-factor sign-in. Set it up in the admin first.")
FORBIDDEN = [
    error("permission_denied", "You are not allowed to refund payments. Ask an administrator for the permission."),
    _unfit(
        "approval_required",
        "Refunds above ₩500,000 need approval. Ask a colleague who can approve them.",
        "amount",
    ),
    framework_error("csrf_failed"),
    _TWO_FACTOR,
    error("token_scope", "This token can read but not refund. Ask an administrator for a token that can refund."),
    error(
        "token_amount_limit",
        "₩40,000 is above this token's limit of ₩30,000 per refund. Refund less, or ask an administrator to refund "
        "this order.",
    ),
    error(
        "token_daily_limit",
        "₩40,000 is above what this token can refund today: ₩20,000 of ₩100,000 is left. Try again after midnight "
        "in Korea, or ask an administrator to refund this order.",
    ),
    error("token_currency", "This token can refund KRW only. Ask an administrator to refund this order."),
    error("token_ended", "This token was revoked or has expired. Ask an administrator for a new one."),
]
MAY_NOT_READ = [
    error("token_scope", "This token can refund but not read. Ask an administrator for a token that can read."),
    _TWO_FACTOR,
]
THROTTLED = error("throttled", "Too many requests. Try again in 17 seconds.", retryable=True)
TOO_MANY = [
    THROTTLED,
    error(
        "too_many_failed",
        "Refunds of this order failed too many times in the last 24 hours. Nothing was sent. Please contact the shop.",
    ),
]
TOO_LARGE = framework_error("too_large")
PAYMENT_NOT_FOUND = error("payment_not_found", "Payment “ORDER-1” was not found. Check the number.")
REFUND_NOT_FOUND = error("refund_not_found", "Refund “R7K3M9Q2X4P” was not found. Check the number.")
NOT_FOUND = framework_error("not_found")
CONFLICTS = [
    error(
        "refund_in_progress",
        "A refund of this order is in progress. Wait for its result, then try again.",
        retryable=True,
    ),
    error(
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request. Use a new key for a new refund.",
    ),
]
GATEWAY_REFUSALS = [_not_done("refused_by_gateway", REFUSAL, status="failed")]
DATABASE_UNAVAILABLE = error(
    "database_unavailable",
    "The database cannot be reached. This request refunded nothing; try again in a moment.",
    retryable=True,
)
UNAVAILABLE = [
    _not_done(
        "gateway_unavailable",
        "i'mport cannot be reached. Nothing was sent; try again in a moment.",
        status="failed",
        retryable=True,
    ),
    _not_done(
        "refund_not_carried_out",
        "i'mport shows that this refund was not executed. Request it again if it is still needed.",
        status="failed",
        retryable=True,
    ),
    DATABASE_UNAVAILABLE,
]
UNKNOWN_OUTCOMES = [
    _not_done(
        "outcome_unknown",
        "No answer from i'mport. We are checking whether it went through. Do not refund this order elsewhere.",
        status="unknown",
    )
]
