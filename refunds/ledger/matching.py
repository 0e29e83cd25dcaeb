"""Which of the cancels in i'mport's history our records stand for."""

from collections.abc import Iterable
from decimal import Decimal

from payments.gateway import Cancellation
from refunds.models import RefundRecord, RefundStatus

# The event that a part of a cancel known only from i'mport's total is shown by now.
PART_SHOWN = "part_shown"


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
