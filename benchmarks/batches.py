"""A batch of refunds, from the press of the button to its last outcome. Import it with Django set up."""

import time
import uuid

from django.contrib.auth.models import User
from django.utils import timezone

from benchmarks.stub import order
from core.queue import enqueue
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.batches.check import check_batch
from refunds.batches.create import Row, create_batch
from refunds.batches.preview import totals_of, warning_codes
from refunds.batches.start import start_batch
from refunds.inputs import Actor, RefundRequest
from refunds.models import BatchOrigin, RefundBatch, RefundSource, RefundStatus
from refunds.tasks import run_batches

REASON = "공연 취소"
POLL = 0.05  # seconds


def refund(*, first: int, count: int, most_seconds: float) -> float:
    """Refund orders of the stub in one batch. Return the seconds from the message to the last outcome."""
    batch = _started(_rows(first, count))
    sent = timezone.now()
    enqueue(run_batches)
    deadline = time.monotonic() + most_seconds
    while (finished_at := RefundBatch.objects.get(pk=batch.pk).finished_at) is None:
        assert time.monotonic() < deadline, "the batch does not end"
        time.sleep(POLL)
    assert batch.items.filter(refund__status=RefundStatus.SUCCEEDED).count() == count
    return (finished_at - sent).total_seconds()


def _clerk() -> User:
    clerk, _created = User.objects.get_or_create(username="clerk", is_staff=True, is_superuser=True)
    return clerk


def _started(rows: list[Row]) -> RefundBatch:
    """Make, check and start a batch of these orders as the admin does."""
    clerk = _clerk()
    actor = Actor(clerk.get_username(), clerk)
    batch = create_batch(
        token=uuid.uuid4(),
        actor=actor,
        source=RefundSource.ADMIN,
        origin=BatchOrigin.SELECTION,
        rows=rows,
        reason=REASON,
        language="ko",
    )
    check_batch(batch=batch, actor=actor)
    start_batch(batch=batch, actor=actor, totals=totals_of(batch), accepted=warning_codes(batch))
    return batch


def _rows(first: int, count: int) -> list[Row]:
    """Mirror paid orders, and request what the admin's page does."""
    imp_uids = [order(number).imp_uid for number in range(first, first + count)]
    list(sync_by_id(imp_uids))
    payments = Payment.objects.filter(imp_uid__in=imp_uids)
    assert len(payments) == count
    return [Row(RefundRequest(reason=REASON, expected_balance=payment.amount), payment.pk) for payment in payments]
