"""Recognise items that are booked already although their key is new. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from payments.gateway import Cancellation
from refunds.ledger.matching import Parts, has_number, is_remainder
from refunds.models import RefundRecord, RefundStatus

_SAME_MOMENT = timedelta(seconds=1)
_NO_TIME = timedelta.max


@dataclass(frozen=True, slots=True)
class Identified:
    """An item that shows a whole cancel booked earlier: from i'mport's total alone, or under another key."""

    record: RefundRecord
    item: Cancellation
    key: str


@dataclass(frozen=True, slots=True)
class PartOf:
    """An item that shows a part of a cancel booked earlier from i'mport's total alone."""

    record: RefundRecord
    item: Cancellation
    key: str


class Booked:
    """The refunds that are booked already and of which no item of the reading has the key.

    i'mport can name a cancel late, or rename it. A booked refund of the same amount then explains the item: certainly
    if the item bears its number or its time, else if i'mport's total has no room for another cancel. `surplus` is how
    much of the unseen items must have been booked before, because the total has no room for it.
    """

    def __init__(
        self,
        records: Iterable[RefundRecord],
        parts: Parts,
        *,
        shown_keys: Collection[str],
        surplus: Decimal,
        live: RefundRecord | None,
    ) -> None:
        self._surplus = surplus
        self._live = live
        done = [record for record in records if record.status == RefundStatus.SUCCEEDED and record.net_amount]
        with_key = (record for record in done if record.cancellation_id)
        self._vanished = [record for record in with_key if record.cancellation_id not in shown_keys]
        self._remainders = [
            (record, record.booked_amount - sum(parts.get(record.pk, {}).values()))
            for record in done
            if is_remainder(record)
        ]

    def take(self, item: Cancellation, key: str) -> Identified | PartOf | None:
        """Return what the item shows of the booked refunds, and count it; None if it is new."""
        if self._live is not None and has_number(self._live, item):
            return None
        record = self._named(item) or self._same_moment(item)
        if record is None and item.amount <= self._surplus:
            record = self._same_amount(item)
        if record is not None:
            return self._identified(record, item, key)
        return self._part(item, key) if item.amount <= self._surplus else None

    def _named(self, item: Cancellation) -> RefundRecord | None:
        """Return the refund whose number the item bears."""
        return next((record for record in self._whole() if has_number(record, item)), None)

    def _same_moment(self, item: Cancellation) -> RefundRecord | None:
        near = (record for record in self._vanished if _distance(record, item) <= _SAME_MOMENT)
        return next((record for record in near if record.booked_amount == item.amount), None)

    def _same_amount(self, item: Cancellation) -> RefundRecord | None:
        """Return the refund of this amount that is nearest in time."""
        same = [record for record in self._whole() if record.booked_amount == item.amount]
        return min(same, key=lambda record: _distance(record, item), default=None)

    def _whole(self) -> list[RefundRecord]:
        """Return the refunds of which nothing is shown yet."""
        return self._vanished + [record for record, left in self._remainders if left == record.booked_amount]

    def _identified(self, record: RefundRecord, item: Cancellation, key: str) -> Identified:
        self._surplus -= item.amount
        self._vanished = [other for other in self._vanished if other is not record]
        self._remainders = [(other, left) for other, left in self._remainders if other is not record]
        return Identified(record, item, key)

    def _part(self, item: Cancellation, key: str) -> PartOf | None:
        for position, (record, left) in enumerate(self._remainders):
            if item.amount <= left:
                self._surplus -= item.amount
                self._remainders[position] = (record, left - item.amount)
                return PartOf(record, item, key)
        return None


def _distance(record: RefundRecord, item: Cancellation) -> timedelta:
    if record.cancelled_at is None or item.cancelled_at is None:
        return _NO_TIME
    return abs(record.cancelled_at - item.cancelled_at)
