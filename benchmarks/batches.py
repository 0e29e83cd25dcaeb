"""A batch of refunds, from the press of the button to its last outcome. Import it with Django set up."""

import time
import uuid

from django.contrib.auth.models import User
from django.utils import timezone

from benchmarks.stub import order
from core.queue import enqueue
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.batches.create import Order, create_batch
from refunds.inputs import RefundRequest
from refunds.models import RefundBatch, RefundStatus
from refunds.tasks import run_batches

REASON = "공연 취소"
POLL = 0.05  # seconds


def refund(*, first: int, count: int, most_seconds: float) -> float:
    """Refund orders of the stub in one batch. Return the seconds from the message to the last outcome."""
    batch = create_batch(token=uuid.uuid4(), user=_clerk(), orders=_orders(first, count), reason=REASON)
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


def _orders(first: int, count: int) -> list[Order]:
    """Mirror paid orders, and request what the admin's page does."""
    imp_uids = [order(number).imp_uid for number in range(first, first + count)]
    list(sync_by_id(imp_uids))
    payments = Payment.objects.filter(imp_uid__in=imp_uids)
    assert len(payments) == count
    return [Order(payment, RefundRequest(reason=REASON, expected_balance=payment.amount)) for payment in payments]
