"""Match the cancels of i'mport's history with our refund records. Pure: no function here reads the database."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from payments.gateway import Cancellation
from refunds.models import RefundRecord, RefundStatus
from refunds.policies import sends_refund_number

# i'mport puts this where a cancel came without a reason.
_DEFAULT_REASON = "취소요청api"
# i'mport's clock may be this far behind ours when a cancel is recognised by its amount and time.
_CLOCK_SKEW = timedelta(seconds=60)

# The items that turned out to make up a remainder, by its record's id: key and amount of each.
Parts = Mapping[int, Mapping[str, Decimal]]


class Reading(Enum):
    """The occasion of a read. It decides which new cancel may be our own."""

    ANSWER = "answer"  # to our accepted cancel: the first new item is ours, whatever it says
    REFUSAL = "refusal"  # after i'mport refused: our number, or (where none is sent) amount, time and exact reason
    LATER = "later"  # any other time: our number, or the amount, time and reason that fit


def wire_reason(record: RefundRecord) -> str:
    """Return the `reason` that goes to i'mport: with our refund number behind it, except where it must be exact."""
    if not sends_refund_number(record.payment):
        return record.reason
    return f"{record.reason} ({record.number})" if record.reason else record.number


def cancellation_keys(history: Iterable[Cancellation]) -> list[tuple[str, Cancellation]]:
    """Return each cancel with its key, oldest first.

    The key is the `cancellation_id`. Older payments lack it: then PG transaction, time and amount serve, and a
    counter tells apart two equal partial cancels of one second.
    """
    seen: dict[str, int] = {}
    result = []
    for item in sorted(history, key=lambda cancel: cancel.cancelled_at.timestamp() if cancel.cancelled_at else 0):
        key = item.cancellation_id
        if not key:
            at = int(item.cancelled_at.timestamp()) if item.cancelled_at else 0
            key = f"{item.pg_tid}/{at}/{item.amount.normalize():f}"
            seen[key] = seen.get(key, 0) + 1
            key = f"{key}/{seen[key]}"
        result.append((key, item))
    return result


def booked_keys(records: Iterable[RefundRecord], parts: Parts) -> set[str]:
    """Return the keys of the cancels that these records stand for."""
    return {record.cancellation_id for record in records if record.cancellation_id}.union(*parts.values())


def is_remainder(record: RefundRecord) -> bool:
    """Return whether the record was booked from i'mport's total alone, without an item of the history."""
    return record.status == RefundStatus.SUCCEEDED and not record.cancellation_id


def has_number(live: RefundRecord, item: Cancellation) -> bool:
    """Return whether the item bears the live refund's number."""
    return sends_refund_number(live.payment) and live.number in item.reason


def is_own(live: RefundRecord, item: Cancellation, *, reading: Reading, first: bool) -> bool:
    """Return whether this new item, which does not bear its number, is the live refund's cancel.

    Our checksum named the balance before it. So if it was executed at all, it is the `first` cancel that we do not
    know yet.
    """
    numbered = sends_refund_number(live.payment)
    if not first or (reading is Reading.REFUSAL and (numbered or item.reason != live.reason)):
        return False
    return reading is Reading.ANSWER or fits(live, item)


def fits(live: RefundRecord, item: Cancellation) -> bool:
    """Return whether amount, time and reason are what the live refund's cancel would show."""
    in_time = item.cancelled_at is None or item.cancelled_at >= live.requested_at - _CLOCK_SKEW
    reason_fits = item.reason in {"", _DEFAULT_REASON} or wire_reason(live).startswith(item.reason)
    return item.amount == live.amount and in_time and reason_fits
