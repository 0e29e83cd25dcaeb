"""Write payments in i'mport's JSON."""

from __future__ import annotations

from typing import Any

from sandbox.server import quirks, store
from sandbox.server.models import Cancellation, Payment

JsonDict = dict[str, Any]

# Null without a value; the other texts are "" then, as in answers of the live API.
OPTIONAL_TEXTS = (
    "customer_uid", "customer_uid_usage", "emb_pg_provider", "fail_reason", "cancel_reason", "receipt_url",
    "custom_data", "card_code", "card_name", "card_issuer_code", "card_issuer_name", "card_publisher_code",
    "card_publisher_name", "card_number", "bank_code", "bank_name", "vbank_code", "vbank_name", "vbank_num",
    "vbank_holder",
)  # fmt: skip
PLAIN_FIELDS = (
    "imp_uid", "merchant_uid", "pay_method", "channel", "pg_provider", "pg_tid", "pg_id", "sandbox", "escrow",
    "apply_num", "buyer_addr", "buyer_postcode",
    "currency", "amount", "cancel_amount", "status", "started_at", "paid_at", "failed_at", "cancelled_at",
    "name", "buyer_name", "buyer_email", "buyer_tel", "user_agent", "card_type", "card_quota", "vbank_date",
    "vbank_issued_at", "cash_receipt_issued", "promotion",
)  # fmt: skip


def payment_json(payment: Payment) -> JsonDict:
    """Return the payment object of the API as the payment really is."""
    done = _done(payment)
    body: JsonDict = {name: getattr(payment, name) for name in PLAIN_FIELDS}
    body.update({name: getattr(payment, name) or None for name in OPTIONAL_TEXTS})
    body["deposit_history"] = payment.deposit_history or []
    body["cancel_history"] = [_history_item(item, with_id=not payment.history_without_ids) for item in done]
    body["cancel_receipt_urls"] = [item.receipt_url for item in done]
    return body


def shown_json(payment: Payment) -> JsonDict:
    """Return the payment object as the API shows it, with every untidiness that is switched on."""
    items = [item for item in _done(payment) if not item.hidden]
    active = quirks.shown(payment)
    if "item_repeated" in active:
        items = [*items, *items[-1:]]
    if "items_reversed" in active:
        items.reverse()
    body = payment_json(payment)
    body["cancel_amount"] = payment.cancel_amount - payment.total_lag
    body["cancel_history"] = [_untidy_item(payment, item) for item in items]
    body["cancel_receipt_urls"] = [item.receipt_url for item in items]
    if "float_sums" in active:
        _use_floats(body, payment)
    return {**body, **payment.overlay}


def read_json(payment: Payment) -> JsonDict:
    """Return what a reading shows: an older state while the payment has stale readings left."""
    if not payment.stale_reads:
        return shown_json(payment)
    with store.write():
        left = Payment.objects.get(pk=payment.pk).stale_reads
        Payment.objects.filter(pk=payment.pk, stale_reads__gt=0).update(stale_reads=left - 1)
    return dict(payment.stale) if left and payment.stale else shown_json(payment)


def _history_item(item: Cancellation, *, with_id: bool) -> JsonDict:
    body: JsonDict = {
        "pg_tid": item.pg_tid,
        "amount": item.amount,
        "cancelled_at": item.cancelled_at,
        "reason": item.reason,
        "cancellation_id": item.cancellation_id,
        "receipt_url": item.receipt_url,
    }
    if not with_id:
        del body["cancellation_id"]
    return body


def _done(payment: Payment) -> list[Cancellation]:
    return [item for item in payment.cancellations.all() if item.state == Cancellation.State.DONE]


def _untidy_item(payment: Payment, item: Cancellation) -> JsonDict:
    # Payments of 2022 and before have no ids.
    body = _history_item(item, with_id=not (item.id_hidden or payment.history_without_ids))
    if item.tid_hidden:
        body["pg_tid"] = ""
    return body


def _use_floats(body: JsonDict, payment: Payment) -> None:
    """Add up as binary floats do, residue included."""
    total = -float(payment.total_lag)
    for item in _done(payment):
        total += float(item.amount - item.returned)
    body["cancel_amount"] = total
    body["amount"] = float(body["amount"])
    for item_body in body["cancel_history"]:
        item_body["amount"] = float(item_body["amount"])
