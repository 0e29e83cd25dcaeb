"""A worker refunds several orders at a time, and several runners share a batch."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.utils import translation
from django_guid import get_guid, set_guid
from pytest_django import Settings

from core import clock
from payments.models import Payment
from refunds.batches import execute as module
from refunds.batches.claims import open_batches
from refunds.batches.control import cancel_batch, pause_batch, resume_batch
from refunds.batches.pace import seconds_until_turn
from refunds.batches.run import run, run_open_batches
from refunds.errors import RefundInProgress
from refunds.inputs import Actor, RefundRequest
from refunds.models import BatchPace, RefundBatch, RefundBatchItem, RefundRecord
from refunds.tasks import run_batches
from tests.factories import make_payment, make_staff, make_started_batch
from tests.production import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20  # for other threads; a busy machine is slow


@pytest.fixture
def user() -> User:
    return make_staff("refund_payment")


@pytest.fixture
def new_batch(user: User) -> Callable[[int], RefundBatch]:
    """Return a function that creates a batch of so many orders."""

    def create(size: int) -> RefundBatch:
        return make_started_batch(user, [(make_payment(), RefundRequest()) for _ in range(size)])

    return create


class Requests:
    """Stand in for the refunds: note each request, run `during`, then refuse it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.during: Callable[[], object] = lambda: None
        self.payments: list[int] = []
        self.threads = Counter[threading.Thread]()
        self.peak = self._now = 0
        self._lock = threading.Lock()
        monkeypatch.setattr(module, "request_refund", self._request)

    def _request(self, *, payment: Payment, **_more: Any) -> RefundRecord:
        with self._lock:
            self.payments.append(payment.pk)
            self.threads[threading.current_thread()] += 1
            self._now += 1
            self.peak = max(self.peak, self._now)
        self.during()
        with self._lock:
            self._now -= 1
        raise RefundInProgress


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    return Requests(monkeypatch)


def assert_each_was_requested_once(requests: Requests) -> None:
    assert sorted(requests.payments) == sorted(Payment.objects.values_list("pk", flat=True))
    assert set(RefundBatchItem.objects.values_list("error_code", flat=True)) == {RefundInProgress.code}
    assert not open_batches().exists()


def test_orders_are_refunded_at_the_same_time_up_to_the_setting(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_CONCURRENCY = 3
    new_batch(9)
    meeting = threading.Barrier(3)
    requests.during = lambda: meeting.wait(SECONDS)

    run_open_batches()

    assert (requests.peak, len(requests.threads)) == (3, 3)
    assert_each_was_requested_once(requests)


def test_sqlite_gets_no_more_threads_than_its_one_writer_can_serve(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_CONCURRENCY = 20
    new_batch(20)
    at_once = 16 if connection.vendor == "sqlite" else 20
    meeting = threading.Barrier(at_once)
    requests.during = lambda: requests.payments[at_once:] or meeting.wait(SECONDS)

    run_open_batches()

    assert requests.peak == at_once
    assert_each_was_requested_once(requests)


def test_threads_have_the_language_of_the_batch_and_the_id_of_the_task(
    new_batch: Callable[[int], RefundBatch], requests: Requests
) -> None:
    new_batch(2)
    RefundBatch.objects.update(language="ko")
    set_guid("id-of-the-task")
    seen: list[object] = []
    requests.during = lambda: seen.append((translation.get_language(), get_guid()))

    run_open_batches()

    assert seen == [("ko", "id-of-the-task")] * 2


def test_two_runners_share_a_batch(new_batch: Callable[[int], RefundBatch], requests: Requests) -> None:
    batch = new_batch(40)
    meeting = threading.Barrier(2)
    requests.during = lambda: requests.threads[threading.current_thread()] > 1 or meeting.wait(SECONDS)

    def work() -> None:
        run(batch_id=batch.pk)
        connection.close()

    runners = [threading.Thread(target=work) for _ in range(2)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()

    assert len(requests.threads) == 2
    assert_each_was_requested_once(requests)


def test_small_batch_does_not_wait_for_a_large_one(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_CONCURRENCY = 2
    large, small = new_batch(12), new_batch(2)

    run_open_batches()

    of_small = set(small.items.values_list("payment", flat=True))
    assert of_small < set(requests.payments[:8])
    assert large.items.filter(payment__in=requests.payments[-4:]).count() == 4
    assert_each_was_requested_once(requests)


def test_batch_that_comes_during_a_run_is_refunded_by_that_run(
    new_batch: Callable[[int], RefundBatch], requests: Requests
) -> None:
    new_batch(1)

    def add_another() -> None:
        requests.during = lambda: None
        new_batch(1)
        run_batches()
        assert len(requests.payments) == 1

    requests.during = add_another
    run_batches()

    assert_each_was_requested_once(requests)


def test_stopping_worker_finishes_what_it_has_begun_and_frees_the_rest(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_CONCURRENCY = 2
    batch = new_batch(9)
    stopping = threading.Event()
    requests.during = stopping.set

    run_open_batches(is_stopping=stopping.is_set)

    begun = batch.items.exclude(error_code="")
    assert set(begun.values_list("payment", flat=True)) == set(requests.payments)
    assert 0 < begun.count() < 9
    assert not batch.items.filter(error_code="").exclude(claimed_at=None).exists()
    run_open_batches()
    assert_each_was_requested_once(requests)


@pytest.mark.parametrize("halt", [pause_batch, cancel_batch])
def test_no_order_begins_once_a_batch_is_paused_or_stopped(
    new_batch: Callable[[int], RefundBatch],
    requests: Requests,
    settings: Settings,
    halt: Callable[..., None],
) -> None:
    settings.BULK_CONCURRENCY = 4
    batch = new_batch(12)
    meeting = threading.Barrier(4)

    def during() -> None:
        if meeting.wait(SECONDS) == 0:
            halt(batch=RefundBatch.objects.get(), actor=Actor("Kim"))
        meeting.wait(SECONDS)

    requests.during = during
    run_open_batches()

    assert len(requests.payments) == 4
    under_way = batch.items.filter(error_code=RefundInProgress.code)
    assert set(under_way.values_list("payment", flat=True)) == set(requests.payments)
    batch.refresh_from_db()
    if halt is cancel_batch:
        assert batch.items.filter(error_code="batch_cancelled").count() == 8
        assert batch.finished_at is not None
        return
    assert batch.items.filter(error_code="", claimed_at=None).count() == 8
    requests.during = lambda: None
    resume_batch(batch=batch, actor=Actor("Kim"))
    run_open_batches()
    assert_each_was_requested_once(requests)


def test_busy_run_calls_for_another_worker(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_CONCURRENCY = 2
    calls: list[int] = []
    new_batch(9)
    run_open_batches(wake_another=lambda: calls.append(len(requests.payments)))
    assert len(calls) == 1
    assert_each_was_requested_once(requests)


def test_limit_per_second_gives_every_worker_a_turn_of_its_own(
    new_batch: Callable[[int], RefundBatch], requests: Requests, settings: Settings
) -> None:
    settings.BULK_RATE = 1
    before = clock.database_now()

    def take_turns() -> None:
        for _ in range(5):
            seconds_until_turn()
        connection.close()

    workers = [threading.Thread(target=take_turns) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert BatchPace.objects.get().next_at >= before + timedelta(seconds=20)

    BatchPace.objects.all().delete()
    settings.BULK_RATE = 50
    new_batch(3)
    run_open_batches()
    assert_each_was_requested_once(requests)


def test_database_that_takes_no_outcome_ends_the_run_and_loses_no_order(
    new_batch: Callable[[int], RefundBatch],
    requests: Requests,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.BULK_CONCURRENCY = 2
    new_batch(9)

    def fail(*_arguments: Any, **_more: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_outcome", fail)
        with pytest.raises(OperationalError):
            run_open_batches()

    assert len(set(requests.payments)) == len(requests.payments) < 9
    settings.REFUND_LEASE_SECONDS = 0
    run_open_batches()
    assert set(RefundBatchItem.objects.values_list("error_code", flat=True)) == {RefundInProgress.code}


@pytest.mark.postgres
def test_threads_leave_no_connection_behind(new_batch: Callable[[int], RefundBatch], requests: Requests) -> None:
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    new_batch(4)
    meeting = threading.Barrier(4)
    requests.during = lambda: meeting.wait(SECONDS)
    before = connections()

    run_open_batches()

    assert len(requests.threads) == 4
    wait_for(lambda: connections() == before, "the threads left connections open")
