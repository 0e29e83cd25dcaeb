"""A batch pauses itself when all its orders would meet the same fate; what was not sent is tried again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from refunds.batches import pauses
from refunds.batches.control import resume_batch
from refunds.batches.execute import MOST_ATTEMPTS
from refunds.batches.run import run_open_batches
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatch, RefundRecord
from tests.factories import make_staff, make_started_batch, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = "결제취소에 실패하였습니다. [500906|취소한도초과]"
STAFF = Actor("Kim")


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment")


@pytest.fixture
def new_batch(user: User, sandbox: SandboxServer) -> Callable[[int], RefundBatch]:
    """Return a function that starts a batch of so many orders."""

    def create(size: int) -> RefundBatch:
        orders = [(paid_at_sandbox(sandbox, pg_provider="html5_inicis"), RefundRequest()) for _ in range(size)]
        return make_started_batch(user, orders)

    return create


def told(batch: RefundBatch) -> list[dict[str, str]]:
    """Return what the batch's timeline says of its pauses."""
    return list(batch.events.filter(code="paused").values_list("data", flat=True))


def out_of_reach(settings: Settings, monkeypatch: pytest.MonkeyPatch, *rests: float) -> None:
    monkeypatch.setattr(pauses, "RESTS", rests)
    settings.IAMPORT_API_URL = "http://127.0.0.1:9"


def test_refusals_of_one_class_in_a_row_pause_the_batch(
    new_batch: Callable[[int], RefundBatch],
    sandbox: SandboxServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.BULK_CONCURRENCY = 1
    monkeypatch.setattr(pauses, "ROW", 3)
    batch = new_batch(8)
    sandbox.fault("cancel", "refuse", message="다른 이유", times=1)
    sandbox.fault("cancel", "refuse", message=SHORT, times=6)

    run_open_batches()
    batch.refresh_from_db()
    assert (batch.status, batch.pause_code) == ("paused", "refused_in_row")
    assert told(batch) == [{"reason": "refused_in_row", "refusal": "settlement_short", "message": SHORT}]
    assert len(sandbox.log("cancel")) == 4

    resume_batch(batch=batch, actor=STAFF)  # what was refused before does not count again
    run_open_batches()
    batch.refresh_from_db()
    assert len(sandbox.log("cancel")) == 7
    assert (batch.status, len(told(batch))) == ("paused", 2)

    resume_batch(batch=batch, actor=STAFF)
    run_open_batches()
    batch.refresh_from_db()
    assert batch.status == "done"
    assert RefundRecord.objects.filter(status="succeeded").count() == 1


def test_gateway_that_stays_out_of_reach_pauses_the_batch_and_costs_no_order(
    new_batch: Callable[[int], RefundBatch],
    sandbox: SandboxServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.BULK_CONCURRENCY = 2
    batch = new_batch(4)
    out_of_reach(settings, monkeypatch, 0, 0)

    run_open_batches()
    batch.refresh_from_db()
    assert (batch.status, batch.pause_code) == ("paused", "gateway_down")
    (why,) = told(batch)
    assert why["reason"] == "gateway_down"
    assert why["message"]
    assert batch.items.filter(refund=None, error_code="", done_at=None, claimed_at=None).count() == 4

    settings.IAMPORT_API_URL = sandbox.url
    resume_batch(batch=batch, actor=STAFF)
    run_open_batches()
    batch.refresh_from_db()
    assert batch.status == "done"
    assert set(batch.items.values_list("refund__status", flat=True)) == {"succeeded"}
    assert len(sandbox.log("cancel")) == 4


def test_order_that_was_never_sent_is_refused_after_some_attempts(
    new_batch: Callable[[int], RefundBatch], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = new_batch(1)
    out_of_reach(settings, monkeypatch, *repeat(0, MOST_ATTEMPTS))

    run_open_batches()

    batch.refresh_from_db()
    assert batch.status == "done"
    assert list(batch.items.values_list("error_code", "refund__status")) == [("gateway_unavailable", "failed")]
    keys = set(RefundRecord.objects.values_list("idempotency_key", flat=True))
    assert len(keys) == RefundRecord.objects.count() == MOST_ATTEMPTS


def test_gateway_that_leaves_every_call_without_an_answer_pauses_the_batch(
    new_batch: Callable[[int], RefundBatch], sandbox: SandboxServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BULK_CONCURRENCY = 1
    monkeypatch.setattr(pauses, "ROW", 3)
    batch = new_batch(8)
    sandbox.fault("cancel", "drop_before")

    run_open_batches()
    batch.refresh_from_db()
    assert (batch.status, batch.pause_code) == ("paused", "gateway_down")
    assert RefundRecord.objects.filter(status="unknown").count() == 3
    assert batch.items.filter(refund=None, error_code="").count() == 5
