"""What was typed for a batch is erased some time after its end, or if nobody starts it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from core.encryption.cipher import encrypt
from core.retention import prune
from refunds.models import RefundBatch
from tests.refunds.batches.stored import store_batch, store_order

pytestmark = pytest.mark.django_db


def typed(batch: RefundBatch) -> int:
    return batch.items.exclude(encrypted_row="").count() + batch.items.exclude(encrypted_account="").count()


def test_typed_rows_are_erased_after_the_end_and_batches_that_nobody_starts_are_stopped(settings: Settings) -> None:
    settings.REFUND_ACCOUNT_KEEP_DAYS = 10
    now = timezone.now()
    done = store_batch(status="done", finished_at=now)
    waiting = store_batch(status="checked", started_at=None)
    running = store_batch()
    for batch in (done, waiting, running):
        batch.items.create(excluded=True, error_code="unknown_order", encrypted_row=encrypt("typed"))
    store_order(waiting, encrypted_account=encrypt("typed"))

    with time_machine.travel(now + timedelta(days=9)):
        assert dict(prune())["batch_rows"] == 0
    with time_machine.travel(now + timedelta(days=11)):
        assert dict(prune())["batch_rows"] == 1

    assert [typed(batch) for batch in (done, waiting, running)] == [0, 0, 1]
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    assert ("cancelled", "") in waiting.events.values_list("code", "actor")


def test_nobodys_draft_is_stopped_on_the_day_that_it_was_made(settings: Settings) -> None:
    settings.REFUND_ACCOUNT_KEEP_DAYS = 0
    draft = store_batch(status="draft", started_at=None)

    dict(prune())

    draft.refresh_from_db()
    assert draft.status == "draft"
