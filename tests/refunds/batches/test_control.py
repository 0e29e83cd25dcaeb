"""A batch is paused, resumed and stopped by staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from refunds.batches.claims import claim
from refunds.batches.control import cancel_batch, pause_batch, resume_batch
from refunds.batches.errors import BatchStateError
from refunds.batches.finish import finish_batches
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatch, RefundBatchItem
from tests.factories import ACCOUNT, make_payment, make_staff, make_started_batch

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = Actor("Kim")


@pytest.fixture
def batch() -> RefundBatch:
    """Three orders with an account each."""
    account: dict[str, Any] = ACCOUNT
    orders = [(make_payment(), RefundRequest(**account)) for _ in range(3)]
    return make_started_batch(make_staff("refund_payment"), orders)


def events(batch: RefundBatch) -> list[tuple[str, str]]:
    """Return what came after the start, and who did it."""
    return list(batch.events.exclude(actor="staff").values_list("code", "actor"))


def test_paused_batch_gives_no_orders_until_it_is_resumed(batch: RefundBatch) -> None:
    pause_batch(batch=batch, actor=STAFF)
    assert (batch.status, batch.pause_code) == ("paused", "by_hand")
    assert claim(batch_id=batch.pk, count=3) == []

    resume_batch(batch=batch, actor=STAFF)
    assert (batch.status, batch.pause_code) == ("running", "")
    assert len(claim(batch_id=batch.pk, count=3)) == 3
    assert events(batch) == [("paused", "Kim"), ("resumed", "Kim")]


def test_second_tab_is_told_the_state_and_changes_nothing(batch: RefundBatch) -> None:
    stale = RefundBatch.objects.get()
    pause_batch(batch=batch, actor=STAFF)
    with pytest.raises(BatchStateError, match="Paused"):
        pause_batch(batch=stale, actor=STAFF)
    cancel_batch(batch=batch, actor=STAFF)
    for change in (resume_batch, cancel_batch):
        with pytest.raises(BatchStateError, match="Stopped"):
            change(batch=stale, actor=STAFF)
    assert events(batch) == [("paused", "Kim"), ("cancelled", "Kim"), ("finished", "")]


def test_stopped_batch_erases_the_accounts_and_says_so_of_each_waiting_order(batch: RefundBatch) -> None:
    cancel_batch(batch=batch, actor=STAFF)
    assert batch.finished_at is not None
    assert set(batch.items.values_list("error_code", "encrypted_account")) == {("batch_cancelled", "")}
    assert not batch.items.filter(done_at=None).exists()
    with translation.override("ko"):
        assert all("중단" in item.message for item in batch.items.all())


def test_stopped_batch_ends_when_the_claim_of_a_dead_runner_is_over(batch: RefundBatch) -> None:
    claim(batch_id=batch.pk, count=1)
    cancel_batch(batch=batch, actor=STAFF)
    assert batch.items.filter(error_code="").count() == 1
    assert batch.finished_at is None

    RefundBatchItem.objects.update(claimed_at=timezone.now() - timedelta(hours=1))
    finish_batches()
    batch.refresh_from_db()
    assert (batch.status, batch.finished_at is None) == ("cancelled", False)
    assert set(batch.items.values_list("error_code", flat=True)) == {"batch_cancelled"}
