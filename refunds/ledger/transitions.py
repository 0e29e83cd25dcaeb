"""Change a refund's status and write its timeline: the only code that ends a refund record."""

from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Model
from django.dispatch import Signal

from core.request_ids import request_id
from refunds.ledger.arrival import expected_by
from refunds.ledger.plan import Own
from refunds.messages import other_amount
from refunds.models import FINAL_STATUSES, RefundEvent, RefundRecord, RefundStatus
from refunds.signals import refund_accepted, refund_settled


class AlreadySettled(Exception):
    """The record is no longer in the status that its caller read.

    Expected, not a bug: a notification, a reconciliation or another process may settle the refund while this one
    waits for i'mport or for the lock. Theirs is the better knowledge; the caller reads the record again.
    """


def succeed(step: Own, *, now: datetime) -> None:
    """End a live refund as done, with what i'mport did; flagged for review if that is not certain or not the same."""
    record, item = step.record, step.item
    cancelled_at = item.cancelled_at or now
    move(
        record,
        RefundStatus.SUCCEEDED,
        code="succeeded",
        now=now,
        message=other_amount(record, step.amount),
        data={"cancellation_id": step.key, "amount": str(step.amount), "evidence": step.evidence.value},
        cancelled_amount=step.amount,
        cancellation_id=step.key,
        pg_tid=item.pg_tid,
        receipt_url=item.receipt_url,
        cancelled_at=cancelled_at,
        expected_by=expected_by(record.payment, amount=step.amount, cancelled_at=cancelled_at),
        needs_review=step.needs_review,
        error_code="",
    )


def move(
    record: RefundRecord,
    status: RefundStatus,
    *,
    code: str,
    now: datetime,
    message: str = "",
    note: str = "",
    actor: str = "",
    data: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a live record to another status, with the event that says so.

    `message` is for the buyer. `note` goes into the timeline, for staff: words that do not follow from `code` and
    `data`, such as i'mport's or a reason.

    Raises `AlreadySettled` if the record is no longer what the caller holds: a final state is never left.
    """
    if status in FINAL_STATUSES:
        changes["settled_at"] = now
    changes |= {"status": status, "message": message}
    if not record.is_live or not RefundRecord.objects.filter(pk=record.pk, status=record.status).update(**changes):
        raise AlreadySettled(f"refund {record.number} is no longer {record.status}")
    for name, value in changes.items():
        setattr(record, name, value)
    add_event(record, code=code, now=now, message=note, actor=actor, data=data)
    if status in FINAL_STATUSES:
        announce(record)
    elif status == RefundStatus.PENDING:
        send(refund_accepted, RefundRecord, record=record)


def announce(record: RefundRecord) -> None:
    """Tell the receivers that this record has ended."""
    send(refund_settled, RefundRecord, record=record)


def send(signal: Signal, sender: type[Model], **arguments: object) -> None:
    """Tell the receivers what was booked. What they get wrong must not undo it."""
    for _receiver, error in signal.send_robust(sender, **arguments):
        if isinstance(error, DatabaseError):  # the transaction is broken: nothing more can be written in it
            raise error


def add_event(
    record: RefundRecord,
    *,
    code: str,
    now: datetime,
    message: str = "",
    actor: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Add one line to the record's timeline, with the request that caused it if there is one."""
    current = request_id()
    data = {**(data or {}), **({"request_id": current} if current else {})}
    RefundEvent.objects.create(
        refund=record, at=now, status=record.status, code=code, message=message, actor=actor, data=data
    )
