"""Two tabs or two people act on a batch at once: it starts once, and only as it was shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from payments.models import Payment
from refunds.batches import check as check_module
from refunds.batches import start as start_module
from refunds.batches.check import check_batch
from refunds.batches.errors import BatchStateError, TotalDiffers
from refunds.batches.events import add_batch_event
from refunds.batches.start import leave_out, start_batch
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundBatch
from tests.factories import make_payment, make_staff, make_started_batch

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 20  # a busy machine is slow


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment")


@pytest.fixture
def batch(user: User) -> RefundBatch:
    """Two orders of 10,000, checked."""
    return make_started_batch(user, [(make_payment(), RefundRequest()) for _ in range(2)], start=False)


def elsewhere(act: Callable[[], object]) -> Future[object]:
    """Act in another thread, with a connection of its own."""

    def with_connection() -> object:
        try:
            return act()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(with_connection)
    pool.shutdown(wait=False)
    return future


def start(batch: RefundBatch, user: User) -> None:
    mine = RefundBatch.objects.get(pk=batch.pk)
    start_batch(batch=mine, actor=Actor(user.get_username(), user), totals={"KRW": Decimal(20_000)}, accepted=())


def after_the_first_look(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen after a start has looked at the batch and before it locks it."""

    def act_first(*_args: Any) -> bool:
        act()
        return False

    monkeypatch.setattr(start_module, "needs_second_factor", act_first)


def test_of_two_starts_one_starts(batch: RefundBatch, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)
    after_the_first_look(monkeypatch, lambda: both.wait(SECONDS))

    futures = [elsewhere(lambda: start(batch, user)) for _ in range(2)]
    ends = [future.exception(SECONDS) for future in futures]

    assert [type(end) for end in ends if end] == [BatchStateError]
    assert batch.events.filter(code="started").count() == 1


def test_start_beside_a_check_that_finds_another_sum(
    batch: RefundBatch, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_elsewhere() -> None:
        Payment.objects.update(cancel_amount=Decimal(1_000))
        elsewhere(lambda: check_batch(batch=RefundBatch.objects.get(pk=batch.pk), actor=Actor("Kim"))).result(SECONDS)

    after_the_first_look(monkeypatch, check_elsewhere)
    with pytest.raises(TotalDiffers):
        start(batch, user)
    batch.refresh_from_db()
    assert batch.status == "checked"


def test_batch_that_is_being_checked_does_not_start_and_the_later_check_counts(
    batch: RefundBatch, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_module._check

    def look(*args: Any, **options: Any) -> None:
        check(*args, **options)
        monkeypatch.setattr(check_module, "_check", check)
        assert isinstance(elsewhere(lambda: start(batch, user)).exception(SECONDS), BatchStateError)
        elsewhere(lambda: check_batch(batch=RefundBatch.objects.get(pk=batch.pk), actor=Actor("Kim"))).result(SECONDS)
        elsewhere(lambda: start(batch, user)).result(SECONDS)
        batch.items.update(message="as it was started")

    monkeypatch.setattr(check_module, "_check", look)
    with pytest.raises(BatchStateError):
        check_batch(batch=batch, actor=Actor("Lee"))
    batch.refresh_from_db()
    assert batch.status == "running"
    assert set(batch.items.values_list("message", flat=True)) == {"as it was started"}


def test_check_that_was_killed_leaves_a_draft_that_can_be_checked(
    batch: RefundBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(check_module, "update_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            check_batch(batch=batch, actor=Actor("Kim"))
    batch.refresh_from_db()
    assert batch.status == "draft"
    check_batch(batch=batch, actor=Actor("Kim"))
    assert batch.status == "checked"


def test_start_beside_leaving_out(batch: RefundBatch, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_one_out() -> int:
        return leave_out(batch=batch, actor=Actor("Kim"), items=[batch.items.order_by("pk")[0].pk])

    after_the_first_look(monkeypatch, lambda: elsewhere(leave_one_out).result(SECONDS))
    with pytest.raises(TotalDiffers):
        start(batch, user)


@pytest.mark.postgres
def test_leaving_out_waits_for_a_start_and_changes_nothing(
    batch: RefundBatch, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Future[object]] = []

    def begin(*args: Any, **options: Any) -> None:
        add_batch_event(*args, **options)
        if not late:  # the batch is locked now, and not committed
            ids = [batch.items.order_by("pk")[0].pk]
            late.append(elsewhere(lambda: leave_out(batch=batch, actor=Actor("Kim"), items=ids)))

    monkeypatch.setattr(start_module, "add_batch_event", begin)
    start(batch, user)
    assert isinstance(late[0].exception(SECONDS), BatchStateError)
    assert batch.items.filter(excluded=False).count() == 2
