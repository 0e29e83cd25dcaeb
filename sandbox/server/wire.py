"""Write payments in i'mport's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.server.models import Cancellation, Payment

JsonDict = dict[str, Any]

OPTIONAL_TEXTS = (
    "customer_uid", "emb_pg_provider", "apply_num", "fail_reason", "cancel_reason", "receipt_url",
    "buyer_addr", "buyer_postcode", "custom_data", "card_code", "card_name", "card_number", "bank_code",
    "bank_name", "vbank_code", "vbank_name", "vbank_num", "vbank_holder",
)  # fmt: skip
PLAIN_FIELDS = (
    "imp_uid", "merchant_uid", "pay_method", "channel", "pg_provider", "pg_tid", "pg_id", "escrow",
    "currency", "amount", "cancel_amount", "status", "started_at", "paid_at", "failed_at", "cancelled_at",
    "name", "buyer_name", "buyer_email", "buyer_tel", "user_agent", "card_type", "card_quota", "vbank_date",
    "vbank_issued_at", "cash_receipt_issued", "promotion",
)  # fmt: skip


def payment_json(payment: Payment, history: Iterable[Cancellation] | None = None) -> JsonDict:
    """Return the payment object of the API; pass `history` when it is already loaded."""
    cancellations = payment.cancellations.all() if history is None else history
    done = [item for item in cancellations if item.state == Cancellation.State.DONE]
    body: JsonDict = {name: getattr(payment, name) for name in PLAIN_FIELDS}
    body.update({name: getattr(payment, name) or None for name in OPTIONAL_TEXTS})
    body["cancel_history"] = [history_item(payment, item) for item in done]
    body["cancel_receipt_urls"] = [item.receipt_url for item in done]
    return body


def history_item(payment: Payment, item: Cancellation) -> JsonDict:
    """Return one entry of `cancel_history`; old payments have no cancellation_id."""
    body: JsonDict = {
        "pg_tid": item.pg_tid,
        "amount": item.amount,
        "cancelled_at": item.cancelled_at,
        "reason": item.reason,
        "cancellation_id": item.cancellation_id,
        "receipt_url": item.receipt_url,
    }
    if payment.history_without_ids:
        del body["cancellation_id"]
    return body
