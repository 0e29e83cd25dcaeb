"""Reverse booked refunds: i'mport took their cancels back, and somebody with the permission accepts that."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F

from payments.gateway import GatewayPayment
from payments.models import Payment
from refunds.inputs import Actor
from refunds.ledger.booking import parts_shown, set_totals
from refunds.ledger.matching import Parts, cancellation_keys
from refunds.ledger.transitions import add_event, send
from refunds.models import RefundRecord, RefundReversal
from refunds.signals import refund_reversed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """The part of one refund that was taken back."""

    record: RefundRecord
    amount: Decimal


def shares_of(records: Sequence[RefundRecord], shown: GatewayPayment) -> list[Share]:
    """Return what was taken back of each of a payment's refunds, if `shown` has less refunded than they say."""
    return allocate(records, shown, parts=parts_shown(records))


def allocate(records: Iterable[RefundRecord], shown: GatewayPayment, *, parts: Parts) -> list[Share]:
    """Divide what `shown` has refunded less than `records` say among them. Pure.

    First the refunds whose item is no longer in the history, then those whose item shows less, then the newest.
    """
    booked = [record for record in records if record.net_amount]
    booked.sort(key=lambda record: (record.cancelled_at or record.requested_at, record.pk), reverse=True)
    items = {key: item.amount for key, item in cancellation_keys(shown.cancel_history)}
    gone = {record.pk: _not_shown(record, parts.get(record.pk, {}), items) for record in booked}
    vanished = {record.pk: gone[record.pk] for record in booked if gone[record.pk] == record.net_amount}
    left = sum((record.net_amount for record in booked), Decimal(0)) - shown.cancel_amount
    taken = dict.fromkeys(gone, Decimal(0))
    for limits in (vanished, gone, {record.pk: record.net_amount for record in booked}):
        for record in booked:
            amount = max(Decimal(0), min(limits.get(record.pk, Decimal(0)) - taken[record.pk], left))
            taken[record.pk] += amount
            left -= amount
    return [Share(record, taken[record.pk]) for record in booked if taken[record.pk]]


def _not_shown(record: RefundRecord, parts: Mapping[str, Decimal], items: dict[str, Decimal]) -> Decimal:
    """Return how much of the refund the history shows no longer; 0 for one that no item ever showed."""
    known = {record.cancellation_id: record.booked_amount} if record.cancellation_id else parts
    missing = sum((max(Decimal(0), amount - items.get(key, Decimal(0))) for key, amount in known.items()), Decimal(0))
    return max(Decimal(0), missing - record.reversed_amount)


def reverse(
    payment: Payment, shown: GatewayPayment, *, actor: Actor, reason: str, now: datetime
) -> list[RefundReversal]:
    """Book as taken back what `shown` has refunded less than the (locked) payment; the caller saves it.

    The refunds stay `succeeded`. Afterwards the payment's amounts and status are those of `shown`.
    """
    records = list(payment.refunds.all())
    for record in records:
        record.payment = payment
    seen_at = payment.taken_back_seen_at or now
    reversals = [_reverse(share, actor, reason, seen_at, now) for share in shares_of(records, shown)]
    set_totals(payment, records)
    payment.status = shown.status
    payment.taken_back, payment.taken_back_seen_at = Decimal(0), None
    for reversal in reversals:
        send(refund_reversed, RefundReversal, reversal=reversal)
    return reversals


def _reverse(share: Share, actor: Actor, reason: str, seen_at: datetime, now: datetime) -> RefundReversal:
    record, amount = share.record, share.amount
    RefundRecord.objects.filter(pk=record.pk).update(reversed_amount=F("reversed_amount") + amount)
    record.reversed_amount += amount
    add_event(record, code="reversed", now=now, message=reason, actor=actor.name, data={"amount": str(amount)})
    logger.info("refund %s: %s reversed", record.number, amount)
    return RefundReversal.objects.create(
        refund=record,
        amount=amount,
        reason=reason,
        accepted_by=actor.user,
        accepted_by_name=actor.name,
        seen_at=seen_at,
        created_at=now,
    )
