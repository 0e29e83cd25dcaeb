"""Match the cancels of i'mport's history with our refund records. Pure: no function here reads the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from payments.gateway import Cancellation
from refunds.models import REFUND_NUMBER, RefundRecord, RefundStatus
from refunds.policies import sends_refund_number, settles_later

# The reason that i'mport's console gives each of its cancels, and the one of a cancel that came without a reason.
CONSOLE_REASON = "관리자페이지취소"
_NO_REASON = frozenset({"", "취소요청api"})
# A cancel this much older than the request, by i'mport's clock, still looks like it; one even older may be it if its
# amount is the same, because clocks differ, even by hours; one older than that never is.
_CLOCK_SKEW = timedelta(seconds=60)
_LARGEST_CLOCK_SKEW = timedelta(hours=24)
_SHORTEST_NUMBER = 6  # characters of a number that was cut off

# The items that turned out to make up a remainder, by its record's id: key and amount of each.
Parts = Mapping[int, Mapping[str, Decimal]]
Keyed = tuple[str, Cancellation]


class Reading(Enum):
    """The occasion of a read. It decides how much evidence makes a new cancel our own."""

    ANSWER = "answer"  # to our accepted cancel: what is new is ours, whatever its amount and reason
    REJECTION = "rejection"  # after i'mport refused it without asking the PG: our number; or amount, time and reason
    REFUSAL = "refusal"  # after the PG refused it: the same; or the amount, unless another origin is certain
    DURING = "during"  # our call may not have ended: our number, or amount, time and reason
    LATER = "later"  # our call has ended: the same; or the amount alone

    @property
    def is_refusal(self) -> bool:
        return self in {Reading.REJECTION, Reading.REFUSAL}


class Evidence(Enum):
    """Name what shows that a cancel, or money in i'mport's total, is the live refund's."""

    NUMBER = "number"  # our refund number in its reason
    ANSWER = "answer"  # i'mport said that it executed our cancel
    MATCH = "match"  # its amount, time and reason
    AMOUNT = "amount"  # its amount alone: staff has to review it
    TOTAL = "total"  # i'mport's total moved, and no item says why: staff has to review it

    @property
    def is_weak(self) -> bool:
        return self in {Evidence.AMOUNT, Evidence.TOTAL}


@dataclass(frozen=True, slots=True)
class Claimed:
    """The new items as the live refund sees them: its own, and those that may turn out to be."""

    own: Keyed | None = None
    evidence: Evidence = Evidence.NUMBER
    held: tuple[Keyed, ...] = ()


def wire_reason(record: RefundRecord) -> str:
    """Return the `reason` that goes to i'mport: our refund number, then the reason; only that where it must be exact.

    The number is first because i'mport and PGs cut long reasons.
    """
    if not sends_refund_number(record.payment):
        return record.told_reason
    return f"{record.number} {record.told_reason}".strip()


def cancellation_keys(history: Iterable[Cancellation]) -> list[Keyed]:
    """Return each cancel once, with its key, oldest first.

    The key is the `cancellation_id`. Older payments lack it: then PG transaction, time and amount serve, and a
    counter tells apart two equal partial cancels of one second.
    """
    counts: dict[str, int] = {}
    result: dict[str, Cancellation] = {}
    for item in sorted(history, key=lambda cancel: cancel.cancelled_at.timestamp() if cancel.cancelled_at else 0):
        key = item.cancellation_id
        if not key:
            at = int(item.cancelled_at.timestamp()) if item.cancelled_at else 0
            key = f"{item.pg_tid}/{at}/{item.amount.normalize():f}"
            counts[key] = counts.get(key, 0) + 1
            key = f"{key}/{counts[key]}"
        result.setdefault(key, item)
    return list(result.items())


def booked_keys(records: Iterable[RefundRecord], parts: Parts) -> set[str]:
    """Return the keys of the cancels that these records stand for."""
    return {record.cancellation_id for record in records if record.cancellation_id}.union(*parts.values())


def is_remainder(record: RefundRecord) -> bool:
    """Return whether the record was booked from i'mport's total alone, without an item of the history."""
    return record.status == RefundStatus.SUCCEEDED and not record.cancellation_id


def has_number(record: RefundRecord, item: Cancellation) -> bool:
    """Return whether the item bears the refund's number, or the beginning of it."""
    if not sends_refund_number(record.payment):
        return False
    reason = item.reason.strip()
    is_cut = len(reason) >= _SHORTEST_NUMBER and record.number.startswith(reason)
    return record.number in reason or is_cut


def claim(live: RefundRecord, items: Sequence[Keyed], reading: Reading) -> Claimed:
    """Return which of these new items is the live refund's own.

    Our number decides before anything else. Without it: a cancel of the same amount is taken as ours rather than
    left, because a refund that is reported as not executed is requested, and paid, again.
    """
    for keyed in items:
        if has_number(live, keyed[1]):
            return Claimed(keyed, Evidence.NUMBER)
    others = [keyed for keyed in items if not _is_of_another_refund(keyed[1])]
    if reading is Reading.ANSWER:
        own = _answered(live, others)
        return Claimed(own, Evidence.ANSWER)
    possible = [keyed for keyed in others if _may_be_ours(live, keyed[1], reading)]
    fitting = next((keyed for keyed in possible if _fits(live, keyed[1], reading)), None)
    if fitting is not None:
        return Claimed(fitting, Evidence.MATCH if fitting == items[0] else Evidence.AMOUNT)
    if reading is Reading.REJECTION:
        return Claimed()
    if reading is Reading.DURING:
        return Claimed(held=tuple(possible))
    return Claimed(next(iter(possible), None), Evidence.AMOUNT)


def _answered(live: RefundRecord, items: Sequence[Keyed]) -> Keyed | None:
    """Return the item of our accepted cancel: the one that looks most like it, else the first."""

    def likeness(keyed: Keyed) -> tuple[bool, bool]:
        item = keyed[1]
        return item.amount == live.amount, _reason_fits(live, item)

    possible = [keyed for keyed in items if _may_follow_answer(live, keyed[1])]
    return max(possible, key=likeness, default=None)  # the first of the best


def _may_follow_answer(live: RefundRecord, item: Cancellation) -> bool:
    """Return whether this item can be our accepted cancel. Of another amount: only if the PG executes at once."""
    if item.amount == live.amount:
        return True
    return item.reason != CONSOLE_REASON and not settles_later(live.payment)


def _may_be_ours(live: RefundRecord, item: Cancellation, reading: Reading) -> bool:
    """Return whether the item is of our amount, and nothing makes another origin certain.

    A cancel from i'mport's console says so. It is taken as ours only where our outcome is unknown: staff may have
    cancelled there what seemed to have failed here.
    """
    if item.amount != live.amount:
        return False
    if item.reason == CONSOLE_REASON:
        return not reading.is_refusal and _in_time(live, item, _CLOCK_SKEW)
    return _in_time(live, item, _LARGEST_CLOCK_SKEW)


def _fits(live: RefundRecord, item: Cancellation, reading: Reading) -> bool:
    """Return whether amount, time and reason are what the live refund's cancel would show.

    After a refusal, a missing reason says nothing.
    """
    if reading.is_refusal and item.reason in _NO_REASON:
        return False
    return item.amount == live.amount and _in_time(live, item, _CLOCK_SKEW) and _reason_fits(live, item)


def _in_time(live: RefundRecord, item: Cancellation, skew: timedelta) -> bool:
    return item.cancelled_at is None or item.cancelled_at >= live.requested_at - skew


def _reason_fits(live: RefundRecord, item: Cancellation) -> bool:
    """Return whether the reason is ours, the beginning of ours, or what i'mport writes without one."""
    reason = item.reason.rstrip("\ufffd ")  # a character that was cut in the middle
    return reason in _NO_REASON or wire_reason(live).startswith(reason)


def _is_of_another_refund(item: Cancellation) -> bool:
    """Return whether the item bears a refund number. The live refund's own has been looked for before."""
    return REFUND_NUMBER.search(item.reason) is not None
