"""Decide what each cancel of a reading is, without a database: `plan` returns the steps that `booking` carries out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from payments.gateway import Cancellation, GatewayPayment
from refunds.ledger.matching import Parts, Reading, booked_keys, cancellation_keys, has_number, is_own, is_remainder
from refunds.models import RefundRecord


@dataclass(frozen=True, slots=True)
class Own:
    """The cancel of our live refund: it succeeded."""

    record: RefundRecord
    item: Cancellation
    key: str


@dataclass(frozen=True, slots=True)
class Import:
    """A cancel that nobody here requested: it becomes a record of its own.

    `before` is what was refunded before it. `late` is an ended refund of ours whose number it bears.
    """

    item: Cancellation
    key: str
    before: Decimal
    late: RefundRecord | None = None


@dataclass(frozen=True, slots=True)
class PartOf:
    """An item that shows a cancel booked earlier from i'mport's total alone, wholly or in part."""

    record: RefundRecord
    item: Cancellation
    key: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Remainder:
    """The part of i'mport's total that no item shows, booked as `item` with the missing amount."""

    item: Cancellation
    before: Decimal


Step = Own | Import | PartOf | Remainder


def plan(records: Sequence[RefundRecord], shown: GatewayPayment, reading: Reading, *, parts: Parts) -> list[Step]:
    """Return the steps that book every cancel of `shown` that `records` lack, oldest first.

    `records` are all refunds of the payment, `parts` the items that make up its remainders (see `parts_shown`).
    Nothing is taken back: an older reading gives no steps. While a refund is live, money that no item explains
    is left alone, because it may be the live refund's.
    """
    live = next((record for record in records if record.is_live), None)
    known = booked_keys(records, parts)
    unseen = [(key, item) for key, item in cancellation_keys(shown.cancel_history) if key not in known]
    total = sum((record.net_amount for record in records), Decimal(0))
    surplus = total + sum(item.amount for _key, item in unseen) - shown.cancel_amount
    remainders = _Remainders(records, parts, surplus)
    steps: list[Step] = []
    is_first = True
    for key, item in unseen:
        numbered = live is not None and has_number(live, item)
        part = None if numbered else remainders.take(item, key)
        if part is not None:
            steps.append(part)
            continue
        if live is not None and (numbered or is_own(live, item, reading=reading, first=is_first)):
            steps.append(Own(live, item, key))
            live = None
        else:
            steps.append(Import(item, key, before=total, late=_ended_refund_named(records, live, item)))
        total += item.amount
        is_first = False
    if live is None and shown.cancel_amount > total:
        missing = Cancellation(amount=shown.cancel_amount - total, cancelled_at=shown.cancelled_at)
        steps.append(Remainder(missing, before=total))
    return steps


def _ended_refund_named(
    records: Iterable[RefundRecord], live: RefundRecord | None, item: Cancellation
) -> RefundRecord | None:
    """Return the refund that has ended and whose number the item bears: one that was given up as lost."""
    return next((record for record in records if record is not live and record.number in item.reason), None)


class _Remainders:
    """The cancels booked earlier from i'mport's total alone, and how much of each no item explains yet.

    `surplus`: how much of the unseen items must have been booked before, because i'mport's total has no room for it.
    """

    def __init__(self, records: Iterable[RefundRecord], parts: Parts, surplus: Decimal) -> None:
        self._surplus = surplus
        self._left = [
            (record, record.booked_amount - sum(parts.get(record.pk, {}).values()))
            for record in records
            if is_remainder(record)
        ]

    def take(self, item: Cancellation, key: str) -> PartOf | None:
        """Return what the item is a part of, and count it; None if it fits nowhere."""
        if item.amount > self._surplus:
            return None
        for position, (record, left) in enumerate(self._left):
            if item.amount > left:
                continue
            is_whole = item.amount == record.booked_amount
            self._surplus -= item.amount
            self._left[position : position + 1] = [] if is_whole else [(record, left - item.amount)]
            return PartOf(record, item, key, is_whole)
        return None
