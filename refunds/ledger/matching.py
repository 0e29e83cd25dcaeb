"""Match the cancels of i'mport's history with our refund records."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from payments.gateway import Cancellation
from refunds.models import RefundRecord, RefundStatus
from refunds.policies import sends_refund_number

# Code of the event that an item now shows part of a cancel booked from i'mport's total alone.
PART_SHOWN = "part_shown"
# i'mport puts this where a cancel came without a reason.
_DEFAULT_REASON = "취소요청api"
# How far i'mport's clock may be behind ours when a cancel is recognised by its amount and time.
_CLOCK_SKEW = timedelta(seconds=60)


class Reading(Enum):
    """How a reading came about decides what may count as our own cancel in it."""

    ANSWER = "answer"  # to our accepted cancel: the first new item is ours, whatever it says
    REFUSAL = "refusal"  # after i'mport said no: our number, or (where none is sent) amount, time and exact reason
    LATER = "later"  # any other time: our number, or the amount, time and reason that fit


def wire_reason(record: RefundRecord) -> str:
    """The `reason` that goes to i'mport: with our refund number behind it, except where it must be exact."""
    if not sends_refund_number(record.payment):
        return record.reason
    return f"{record.reason} ({record.number})" if record.reason else record.number


def cancellation_keys(history: Iterable[Cancellation]) -> list[tuple[str, Cancellation]]:
    """Each cancel with its identity, oldest first.

    Older payments lack `cancellation_id`: then PG transaction, time and amount serve, and a counter tells
    apart two equal partial cancels of one second.
    """
    seen: dict[str, int] = {}
    result = []
    for item in sorted(history, key=lambda cancel: cancel.cancelled_at.timestamp() if cancel.cancelled_at else 0):
        identity = item.cancellation_id
        if not identity:
            at = int(item.cancelled_at.timestamp()) if item.cancelled_at else 0
            identity = f"{item.pg_tid}/{at}/{item.amount.normalize():f}"
            seen[identity] = seen.get(identity, 0) + 1
            identity = f"{identity}/{seen[identity]}"
        result.append((identity, item))
    return result


def booked_keys(records: Iterable[RefundRecord]) -> set[str]:
    """The cancellation_keys of the cancels that these records stand for."""
    return {record.cancellation_id for record in records if record.cancellation_id}.union(
        *(parts_of(record) for record in records if is_remainder(record))
    )


def is_remainder(record: RefundRecord) -> bool:
    """Whether it was booked from i'mport's total alone, without an item of the history."""
    return record.status == RefundStatus.SUCCEEDED and not record.cancellation_id


def parts_of(remainder: RefundRecord) -> dict[str, Decimal]:
    """The items that turned out to make it up: identity and amount."""
    shown = remainder.events.filter(code=PART_SHOWN).values_list("data", flat=True)
    return {data["cancellation_id"]: Decimal(data["amount"]) for data in shown}


def has_number(live: RefundRecord, item: Cancellation) -> bool:
    return sends_refund_number(live.payment) and live.number in item.reason


def is_own(live: RefundRecord, item: Cancellation, *, reading: Reading, first: bool) -> bool:
    """Whether this new item, which does not carry its number, is the live refund's cancel.

    Our checksum named the balance before it, so if it was carried out at all, it is the first cancel that we do
    not know yet.
    """
    numbered = sends_refund_number(live.payment)
    if not first or (reading is Reading.REFUSAL and (numbered or item.reason != live.reason)):
        return False
    return reading is Reading.ANSWER or fits(live, item)


def fits(live: RefundRecord, item: Cancellation) -> bool:
    """Whether amount, time and reason are what the live refund's cancel would show."""
    in_time = item.cancelled_at is None or item.cancelled_at >= live.requested_at - _CLOCK_SKEW
    reasonfits = item.reason in {"", _DEFAULT_REASON} or wire_reason(live).startswith(item.reason)
    return item.amount == live.amount and in_time and reasonfits
