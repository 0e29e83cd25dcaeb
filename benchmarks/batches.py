"""A batch of refunds, from the press of the button to its last outcome. Import it with Django set up."""

import time
import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
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
from tests.production import HOST

REASON = "공연 취소"
LIST, NEW = "/admin/payments/payment/", "/admin/refunds/refundbatch/new/"
POLL = 0.05  # seconds


def refund(*, first: int, count: int, most_seconds: float) -> float:
    """Refund orders of the stub in one batch. Return the seconds from the message to the last outcome."""
    batch = _made(_rows(first, count))
    return run(batch=batch.pk, most_seconds=most_seconds)


def preview(*, count: int) -> dict[str, Any]:
    """Upload a sheet of orders of the stub, three times: return the seconds of each, and the last one's batch.

    Return as well the path of the payments list and the cookie of a session that may see it.
    """
    payments = _mirrored(1, count)
    client = Client(SERVER_NAME=HOST)
    client.force_login(_clerk())
    client.get(LIST)  # loads what only the first request loads
    seconds = []
    for turn in range(3):
        lines = ["merchant_uid,amount,note", *(f"{one.merchant_uid},{one.amount:.0f},{turn}" for one in payments)]
        sheet = ContentFile("\n".join(lines).encode(), name="orders.csv")
        started = time.perf_counter()
        answer = client.post(NEW, {"file": sheet, "reason": REASON, "token": str(uuid.uuid4())})
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 302, answer.content
    batch = RefundBatch.objects.latest("pk")
    assert batch.items.filter(excluded=False).count() == count
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return {"seconds": seconds, "batch": batch.pk, "page": LIST, "cookie": cookie}


def run(*, batch: int, most_seconds: float) -> float:
    """Start a batch that was checked. Return the seconds from the message to the last outcome."""
    made, clerk = RefundBatch.objects.get(pk=batch), _clerk()
    actor = Actor(clerk.get_username(), clerk)
    start_batch(batch=made, actor=actor, totals=totals_of(made), accepted=warning_codes(made))
    count = made.items.filter(excluded=False).count()
    sent = timezone.now()
    enqueue(run_batches)
    deadline = time.monotonic() + most_seconds
    while (finished_at := RefundBatch.objects.get(pk=batch).finished_at) is None:
        assert time.monotonic() < deadline, "the batch does not end"
        time.sleep(POLL)
    assert made.items.filter(refund__status=RefundStatus.SUCCEEDED).count() == count
    return (finished_at - sent).total_seconds()


def _clerk() -> User:
    clerk, _created = User.objects.get_or_create(username="clerk", is_staff=True, is_superuser=True)
    return clerk


def _made(rows: list[Row]) -> RefundBatch:
    """Make and check a batch of these orders as the admin does."""
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
    return batch


def _rows(first: int, count: int) -> list[Row]:
    """Request what the admin's page does."""
    payments = _mirrored(first, count)
    return [Row(RefundRequest(reason=REASON, expected_balance=payment.amount), payment.pk) for payment in payments]


def _mirrored(first: int, count: int) -> list[Payment]:
    """Mirror paid orders."""
    imp_uids = [order(number).imp_uid for number in range(first, first + count)]
    list(sync_by_id(imp_uids))
    payments = list(Payment.objects.filter(imp_uid__in=imp_uids))
    assert len(payments) == count
    return payments
