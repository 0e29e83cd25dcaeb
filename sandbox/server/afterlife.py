"""Change a payment after the fact: take cancels back, complete untidy items, patch what is stored."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from django.db import DatabaseError

from sandbox.server import cancels, clock, creation, ledger, store, webhooks
from sandbox.server.envelope import FAILED, ApiRefusal
from sandbox.server.models import Cancellation, Payment

JsonDict = dict[str, Any]
ZERO = Decimal(0)


def take_back(
    payment: Payment,
    *,
    amount: Decimal | None = None,
    cancellation_id: str = "",
    status: str = "",
    keep_item: bool = False,
) -> Payment:
    """Undo a cancel at the PG, wholly or in part: the item goes or shrinks, the total goes down."""
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        item = _item(fresh, cancellation_id)
        back = item.amount - item.returned if amount is None else amount
        if not 0 < back <= item.amount - item.returned:
            raise ApiRefusal(FAILED, "amount is more than the cancel", 400)
        if keep_item:
            item.returned += back
            item.save()
        elif back == item.amount:
            item.delete()
        else:
            _shrink(item, back)
        fresh.cancel_amount -= back
        fresh.status = _checked_status(status) or (
            Payment.Status.CANCELLED if fresh.cancel_amount else Payment.Status.PAID
        )
        if not fresh.cancel_amount and fresh.status != Payment.Status.CANCELLED:
            fresh.cancelled_at, fresh.cancel_reason = 0, ""
            fresh.touch(clock.now())
        fresh.save()
        return fresh


def fail(payment: Payment) -> Payment:
    """Let a waiting or pending payment fail; the end of a pending one is notified."""
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        was_pending = fresh.status == Payment.Status.PENDING
        if not was_pending and fresh.status != Payment.Status.READY:
            raise ApiRefusal(FAILED, "only a ready or pending payment can fail", 400)
        fresh.status, fresh.failed_at, fresh.fail_reason = Payment.Status.FAILED, clock.now(), "결제 실패"
        fresh.touch(clock.now())
        fresh.save()
        if was_pending:
            webhooks.notify(fresh)
        return fresh


def take_deposit_back(payment: Payment, *, shown_as: str) -> Payment:
    """Let the bank take a wrong deposit back: the payment is cancelled with an item, or waits again."""
    if shown_as == Payment.Status.CANCELLED:
        return cancels.cancel_in_console(payment, None, "입금 취소")
    if shown_as != Payment.Status.READY:
        raise ApiRefusal(FAILED, "a deposit taken back is shown as ready or cancelled", 400)
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        if fresh.status != Payment.Status.PAID:
            raise ApiRefusal(FAILED, "only a paid payment has a deposit", 400)
        fresh.status, fresh.paid_at = Payment.Status.READY, 0
        fresh.touch(clock.now())
        fresh.save()
        webhooks.notify(fresh)
        return fresh


def complete(payment: Payment) -> Payment:
    """Show what was held back: hidden items, ids, PG numbers and the total."""
    with store.write():
        payment.cancellations.update(hidden=False, id_hidden=False, tid_hidden=False)
        fresh = Payment.objects.get(pk=payment.pk)
        fresh.total_lag = ZERO
        fresh.stale_reads = 0
        fresh.history_without_ids = False
        fresh.save()
        return fresh


def rename_item(payment: Payment, *, cancellation_id: str = "", new_id: str = "") -> Payment:
    """Give a cancel, by default the last one, another id."""
    with store.write():
        item = _item(payment, cancellation_id)
        item.cancellation_id = new_id or f"cancel_{secrets.token_hex(12)}"
        item.save()
    return payment


def show(payment: Payment, fields: JsonDict) -> Payment:
    """Show these values over the real ones, whatever they are; none shows the real ones again."""
    with store.write():
        fresh = Payment.objects.get(pk=payment.pk)
        fresh.overlay = {name: _plain(value) for name, value in fields.items()}
        fresh.save()
        return fresh


def patch(payment: Payment, fields: JsonDict) -> Payment:
    """Change the stored payment; `cancel_history` replaces the executed cancels."""
    columns = {name: value for name, value in fields.items() if name in creation.FIELDS and name != "imp_uid"}
    special = {"cancel_history", "cancel_amount"}
    if unknown := sorted(set(fields) - set(columns) - special):
        raise ApiRefusal(FAILED, f"not stored here, use show: {', '.join(unknown)}", 400)
    try:
        with store.write():
            fresh = Payment.objects.get(pk=payment.pk)
            for name, value in columns.items():
                setattr(fresh, name, creation.value_of(name, value))
            if "cancel_history" in fields:
                _replace_history(fresh, fields["cancel_history"] or [])
            _level(fresh, fields.get("cancel_amount"))
            fresh.touch(clock.now())
            fresh.save()
            return fresh
    except (DatabaseError, TypeError, ValueError) as exc:
        raise ApiRefusal(FAILED, f"cannot be stored: {exc}", 400) from None


def _level(payment: Payment, given: Any) -> None:
    """Make the total what was given: a hidden item explains more, a lag less, than the items."""
    done = payment.cancellations.filter(state=Cancellation.State.DONE)
    known = sum((item.amount - item.returned for item in done), ZERO)
    total = known if given is None else creation.to_decimal("cancel_amount", given)
    if total > known:
        more = total - known
        parts = ledger.divide(payment, ledger.balance_of(payment), more)
        hidden = ledger.new_cancellation(payment, parts, "")
        hidden.amount, hidden.state, hidden.hidden = more, Cancellation.State.DONE, True
        hidden.cancelled_at = payment.cancelled_at
        hidden.save()
    payment.total_lag = max(known - total, ZERO)
    payment.cancel_amount = max(total, known)


def _replace_history(payment: Payment, items: list[JsonDict]) -> None:
    done = list(payment.cancellations.filter(state=Cancellation.State.DONE))
    earlier = {item.cancellation_id: item for item in done}
    for item in done:
        item.delete()
    for position, values in enumerate(items):
        amount = creation.to_decimal("amount", values.get("amount", 0))
        known = earlier.get(str(values.get("cancellation_id")))
        if known is None and position < len(done):
            known = done[position]
        item = ledger.new_cancellation(payment, ledger.CancelParts(amount, amount, ZERO, ZERO), "")
        if known is not None and known.amount == amount:
            item.asked, item.tax_free, item.vat_amount = known.asked, known.tax_free, known.vat_amount
        item.state = Cancellation.State.DONE
        item.reason = str(values.get("reason") or "")
        item.cancelled_at = int(values.get("cancelled_at") or payment.cancelled_at)
        item.id_hidden = not values.get("cancellation_id")
        item.tid_hidden = not values.get("pg_tid")
        for name in ("cancellation_id", "pg_tid", "receipt_url"):
            setattr(item, name, values.get(name) or getattr(item, name))
        item.save()


def _item(payment: Payment, cancellation_id: str) -> Cancellation:
    done = payment.cancellations.filter(state=Cancellation.State.DONE)
    item = (done.filter(cancellation_id=cancellation_id) if cancellation_id else done).last()
    if item is None:
        raise ApiRefusal(FAILED, "no such cancel", 404)
    return item


def _shrink(item: Cancellation, back: Decimal) -> None:
    kept = (item.amount - back) / item.amount
    for name in ("asked", "tax_free", "vat_amount"):
        setattr(item, name, (getattr(item, name) * kept).quantize(item.payment.unit))
    item.amount -= back
    item.save()


def _checked_status(status: str) -> str:
    if status and status not in Payment.Status.values:
        raise ApiRefusal(FAILED, f"status is one of {Payment.Status.values}", 400)
    return status


def _plain(value: Any) -> Any:
    """Decimals of a request cannot be stored as JSON; a float shows what a float shows."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
