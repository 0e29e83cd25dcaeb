"""The inbox: each payment is fetched once, again after a failure, and again if notified during the fetch."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.gateway import GatewayPayment, GatewayUnavailable
from payments.intake import inbox
from payments.intake.inbox import BACK_OFF, SPACING, add_notification, process_waiting, read_now
from payments.models import Notification, Payment
from tests.factories import make_payment
from tests.fakes import InstantGateway

pytestmark = pytest.mark.django_db


class Readings(InstantGateway):
    """A gateway that shows every id starting with "imp", counts its lookups and can be down."""

    def __init__(self) -> None:
        super().__init__(Payment(imp_uid="", merchant_uid="order", amount=10_000))
        self.read: Counter[str] = Counter()
        self.chunks: list[Sequence[str]] = []
        self.is_down = False
        self.while_reading: Callable[[], None] = lambda: None

    @property
    def calls(self) -> int:
        return len(self.chunks)

    def payments(self, imp_uids: Sequence[str]) -> list[GatewayPayment]:
        self.chunks.append(imp_uids)
        if self.is_down:
            raise GatewayUnavailable("down")
        return [self.payment(imp_uid) for imp_uid in imp_uids if imp_uid.startswith("imp")]

    def payment(self, imp_uid: str) -> GatewayPayment:
        with self._lock:
            self.read[imp_uid] += 1
        self.while_reading()
        self.imp_uid = imp_uid
        return super().payment(imp_uid)


def request_all(*imp_uids: str) -> None:
    for imp_uid in imp_uids:
        add_notification(imp_uid=imp_uid)


def make_due(by: timedelta = timedelta(0)) -> None:
    Notification.objects.update(next_attempt_at=timezone.now() - by)


def test_requests_before_the_reading_are_one_reading() -> None:
    gateway = Readings()
    request_all("imp_1", "imp_1", "imp_1")

    assert process_waiting(gateway=gateway).read == 1

    assert gateway.read == {"imp_1": 1}
    assert not Notification.objects.exists()


@pytest.mark.parametrize("read", ["by its task", "by the sweep"])
def test_request_during_the_reading_causes_another_one(read: str) -> None:
    gateway = Readings()
    add_notification(imp_uid="imp_1")
    gateway.while_reading = lambda: add_notification(imp_uid="imp_1")

    for _ in range(2):
        if read == "by its task":
            read_now(imp_uid="imp_1", gateway=gateway)
        else:
            process_waiting(gateway=gateway)
        assert Notification.objects.filter(imp_uid="imp_1").exists()
        make_due()

    assert gateway.read == {"imp_1": 2}


def test_readings_of_one_payment_keep_their_distance() -> None:
    gateway = Readings()
    add_notification(imp_uid="imp_1")
    for _ in range(10):
        read_now(imp_uid="imp_1", gateway=gateway)
        add_notification(imp_uid="imp_1")

    assert gateway.read == {"imp_1": 1}
    row = Notification.objects.get()
    assert row.next_attempt_at <= timezone.now() + SPACING
    make_due()
    read_now(imp_uid="imp_1", gateway=gateway)
    assert gateway.read == {"imp_1": 2}


def test_a_task_is_wanted_for_the_first_notification_and_again_only_after_a_reading_of_it() -> None:
    gateway = Readings()
    assert add_notification(imp_uid="imp_1") is not None
    assert add_notification(imp_uid="imp_1") is None  # one is on its way
    gateway.while_reading = lambda: waited.append(add_notification(imp_uid="imp_1"))
    waited: list[object] = []

    again_at = read_now(imp_uid="imp_1", gateway=gateway)

    assert waited == [None]  # the running fetch handles it
    assert again_at == Notification.objects.get().next_attempt_at
    assert add_notification(imp_uid="imp_1") is None
    gateway.while_reading = lambda: None
    make_due()
    assert read_now(imp_uid="imp_1", gateway=gateway) is None
    assert add_notification(imp_uid="imp_1") == Notification.objects.get().next_attempt_at


def test_a_flood_of_payments_is_left_to_the_sweep_which_reads_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [add_notification(imp_uid=f"imp_{number}") is not None for number in range(inbox.FLOOD + 2)]

    assert wanted == [True] * inbox.FLOOD + [False] * 2
    assert process_waiting(seconds=-1, gateway=Readings()).read == 0
    assert process_waiting(gateway=Readings()).read == inbox.FLOOD + 2


def test_invented_numbers_that_come_slowly_are_a_flood_as_well() -> None:
    for number in range(inbox.FLOOD):
        assert add_notification(imp_uid=f"junk_{number}") is not None
        read_now(imp_uid=f"junk_{number}", gateway=Readings())

    assert add_notification(imp_uid="junk") is None
    assert process_waiting(gateway=Readings()).unknown == 1


def test_an_answered_row_is_gone_after_the_next_sweep() -> None:
    gateway = Readings()
    add_notification(imp_uid="imp_1")
    read_now(imp_uid="imp_1", gateway=gateway)
    make_due()

    assert process_waiting(gateway=gateway).read == 0

    assert not Notification.objects.exists()
    assert gateway.calls == 1


def test_iamport_down_backs_off_and_keeps_the_request() -> None:
    gateway = Readings()
    gateway.is_down = True
    add_notification(imp_uid="imp_1")

    waits = []
    for _ in range(5):
        before = timezone.now()
        assert process_waiting(gateway=gateway).failed == 1
        waits.append(round((Notification.objects.get().next_attempt_at - before).total_seconds() / 60))
        assert process_waiting(gateway=gateway).failed == 0
        make_due()

    assert waits == [1, 5, 30, 60, 60]
    gateway.is_down = False
    assert process_waiting(gateway=gateway).read == 1


def test_next_run_of_the_minute_tries_again() -> None:
    gateway = Readings()
    gateway.is_down = True
    add_notification(imp_uid="imp_1")
    began = timezone.now()
    for at in (began + timedelta(seconds=2), began + timedelta(minutes=1)):
        with time_machine.travel(at):
            assert process_waiting(gateway=gateway).failed == 1


def test_new_notification_brings_a_backed_off_reading_forward() -> None:
    add_notification(imp_uid="imp_1")
    Notification.objects.update(attempts=5, next_attempt_at=timezone.now() + timedelta(hours=1))

    add_notification(imp_uid="imp_1")

    left = Notification.objects.get().next_attempt_at - timezone.now()
    assert timedelta(0) < left <= BACK_OFF[0]


def test_an_outage_stops_the_sweep_early() -> None:
    gateway = Readings()
    gateway.is_down = True
    request_all(*(f"imp_{number}" for number in range(inbox.CHUNK + 50)))

    drained = process_waiting(gateway=gateway)

    assert gateway.calls == 1
    assert (drained.read, drained.failed, drained.message) == (0, inbox.CHUNK + 50, "down")


def test_a_hundred_are_read_in_one_call_and_those_not_shown_are_put_off() -> None:
    gateway = Readings()
    request_all("imp_1", "junk", "imp_2")

    done = process_waiting(gateway=gateway)

    assert (done.read, done.unknown, done.failed, gateway.calls) == (2, 1, 0, 1)
    assert Notification.objects.get().imp_uid == "junk"
    assert set(Payment.objects.values_list("imp_uid", flat=True)) == {"imp_1", "imp_2"}


def test_what_is_not_shown_is_tried_for_about_an_hour_with_growing_waits_then_let_go() -> None:
    began = timezone.now()
    add_notification(imp_uid="junk")
    waits = []
    at = began
    while row := Notification.objects.first():
        at = max(at, row.next_attempt_at)
        with time_machine.travel(at, tick=False):
            process_waiting(gateway=Readings())
            left = Notification.objects.first()
            waits += [round((left.next_attempt_at - at).total_seconds())] if left else []

    assert waits == [5, 55, 300, 900, 2_400]
    assert timedelta(minutes=60) < at - began < timedelta(minutes=65)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_notification_that_came_before_its_payment_could_be_read_is_not_lost(after: int) -> None:
    unshown, shown = Readings(), Readings()
    unshown.payments = lambda imp_uids: []  # type: ignore[method-assign]
    add_notification(imp_uid="imp_1")
    for _ in range(after + 1):
        process_waiting(gateway=unshown)
        make_due()

    assert process_waiting(gateway=shown).read == 1
    assert not Notification.objects.exists()


def test_a_new_notification_begins_the_tries_anew_and_soon() -> None:
    add_notification(imp_uid="junk")
    Notification.objects.update(attempts=5, unknown=5, next_attempt_at=timezone.now() + timedelta(minutes=40))

    add_notification(imp_uid="junk")

    row = Notification.objects.get()
    assert row.unknown == 0
    assert row.next_attempt_at <= timezone.now() + BACK_OFF[0]


def test_the_task_of_a_notification_tries_again_after_seconds_and_leaves_the_rest_to_the_sweep() -> None:
    add_notification(imp_uid="junk")

    again_at = read_now(imp_uid="junk", gateway=Readings())

    assert again_at == Notification.objects.get().next_attempt_at
    assert again_at <= timezone.now() + timedelta(seconds=5)
    make_due()
    assert read_now(imp_uid="junk", gateway=Readings()) is None


def test_a_real_notification_comes_before_a_flood_and_finds_room_in_a_full_inbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "MAX_WAITING", 30)
    monkeypatch.setattr(inbox, "CHUNK", 10)
    request_all(*(f"junk_{number}" for number in range(30)))
    gateway = Readings()
    assert process_waiting(gateway=gateway).unknown == 30
    make_due()

    add_notification(imp_uid="imp_1")
    assert Notification.objects.count() == 21
    process_waiting(gateway=gateway)

    assert "imp_1" in gateway.chunks[3]  # the first call of this run
    request_all(*(f"new_{number}" for number in range(10)))
    Notification.objects.update(unknown=0)
    with pytest.raises(inbox.TooManyWaiting):
        add_notification(imp_uid="imp_2")


def test_one_payment_that_cannot_be_booked_does_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = inbox.mirror_payment

    def fail_for_one(shown: GatewayPayment) -> Payment:
        if shown.imp_uid == "imp_1":
            raise IntegrityError("odd")
        return mirror(shown)

    monkeypatch.setattr(inbox, "mirror_payment", fail_for_one)
    request_all("imp_1", "imp_2")

    drained = process_waiting(gateway=Readings())

    assert (drained.read, drained.failed) == (1, 1)
    assert Notification.objects.get().imp_uid == "imp_1"


def at_once(work: Callable[[], object], threads: int) -> None:
    barrier = threading.Barrier(threads)

    def run() -> None:
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_read_each_payment_once() -> None:
    for number in range(10):
        gateway = Readings()
        request_all(*(f"imp_{number}_{index}" for index in range(5)))

        at_once(lambda gateway=gateway: process_waiting(gateway=gateway), threads=4)

        assert set(gateway.read.values()) == {1}
        assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_are_one_row() -> None:
    at_once(lambda: request_all(*["imp_1"] * 10), threads=4)

    assert Notification.objects.get().answered < Notification.objects.get().notified


@pytest.mark.django_db(transaction=True)
def test_requests_beside_readings_are_all_followed_by_one() -> None:
    """Whatever the interleaving: after the last request a fetch follows, or one is due."""
    gateway = Readings()
    last_request: list[float] = []
    last_reading: list[float] = []
    gateway.while_reading = lambda: last_reading.append(time.monotonic())

    def request_often() -> None:
        for _ in range(50):
            last_request.append(time.monotonic())
            add_notification(imp_uid="imp_1")

    def read_often() -> None:
        while len(last_request) < 100:
            process_waiting(gateway=gateway)

    works = iter([request_often, request_often, read_often, read_often])
    at_once(lambda: next(works)(), threads=4)

    assert Notification.objects.waiting().exists() or max(last_reading) > max(last_request)
    make_due()
    process_waiting(gateway=gateway)
    assert not Notification.objects.exists()


def test_slow_reader_does_not_hide_a_request_from_the_next_one() -> None:
    add_notification(imp_uid="imp_1")
    (slow,) = inbox._take(Notification.objects.all(), timezone.now())
    add_notification(imp_uid="imp_1")
    (quick,) = inbox._take(Notification.objects.all(), timezone.now())

    inbox._finish(slow, SPACING)
    add_notification(imp_uid="imp_1")  # during the other one's lookup
    inbox._finish(quick, SPACING)

    assert Notification.objects.waiting().exists()


@pytest.mark.parametrize("changes", [{"imp_uid": ""}, {"answered": 2}])
def test_database_refuses_nonsense(changes: dict[str, object]) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(**{"imp_uid": "imp_1", "requested_at": now, "next_attempt_at": now, **changes})


def test_mirrored_payment_keeps_its_refunds() -> None:
    payment = make_payment(imp_uid="imp_known", amount=10_000)
    add_notification(imp_uid="imp_known")

    process_waiting(gateway=Readings())

    assert Payment.objects.get(imp_uid="imp_known").pk == payment.pk
