"""Deliveries: sent once if accepted, retried if not, never twice at once, and independent of other endpoints."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from unittest.mock import patch

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import Settings

from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from tests.webhooks.receiver import running_receiver
from tests.webhooks.test_events import fail, refund, requested_refund
from webhooks import tasks
from webhooks.delivery import service
from webhooks.delivery.service import (
    BACK_OFF,
    JITTER,
    LEASE,
    MAX_FAILURES,
    PAUSE_WHEN_DOWN,
    Sent,
    deliver_due,
    send_again,
    send_test,
)
from webhooks.endpoints import add_endpoint, rotate_secret, switch_endpoint
from webhooks.models import Attempt, Delivery, DeliveryStatus, Endpoint, Event
from webhooks.retention import drop_old_events

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
ENCRYPTED_WITH_ANOTHER_KEY = Fernet(Fernet.generate_key()).encrypt(b"secret").decode()


@pytest.fixture
def waiting(connected: Connected) -> Connected:
    """A refund has failed, and no worker runs."""
    fail(requested_refund())
    return connected


def make_due() -> None:
    Delivery.objects.update(next_attempt_at=timezone.now())


def test_an_accepted_event_is_delivered_once(waiting: Connected) -> None:
    waiting.receiver.text = "<b>고마워</b>".encode()

    assert deliver_due() == Sent(delivered=1)
    assert deliver_due() == Sent()

    (event,) = waiting.receiver.received
    assert event.verified_with(waiting.secret)["type"] == "refund.failed"
    assert event.id == waiting.delivery.event.message_id
    assert waiting.delivery.status == DeliveryStatus.DELIVERED
    attempt = waiting.delivery.attempt_log.get()
    assert (attempt.status, attempt.error, attempt.answer) == (200, "", "<b>고마워</b>")
    assert attempt.milliseconds is not None


def test_a_failing_event_is_tried_ten_times_over_three_days_and_then_given_up(waiting: Connected) -> None:
    waiting.receiver.answers = [500]
    start = timezone.now()
    tried_at = []
    with time_machine.travel(start, tick=False) as clock:
        while waiting.delivery.status == DeliveryStatus.WAITING:
            clock.move_to(waiting.delivery.next_attempt_at - timedelta(seconds=1))
            assert deliver_due() == Sent()
            clock.move_to(waiting.delivery.next_attempt_at)
            tried_at.append(timezone.now())
            assert deliver_due().failed == 1

    pauses = [later - earlier for earlier, later in pairwise(tried_at)]
    assert len(pauses) == len(BACK_OFF)
    assert all(least <= pause <= least * (1 + JITTER) for least, pause in zip(BACK_OFF, pauses, strict=True))
    assert timedelta(hours=75) < tried_at[-1] - start < timedelta(hours=92)
    assert waiting.delivery.status == DeliveryStatus.GIVEN_UP
    assert Attempt.objects.filter(status=500).count() == MAX_FAILURES == len(waiting.receiver.received)
    assert len({event.id for event in waiting.receiver.received}) == 1
    # Each attempt is signed with its own time; receivers would reject an old one as a replay.
    assert len({event.headers["webhook-timestamp"] for event in waiting.receiver.received}) > 1


def test_an_event_that_is_accepted_at_last_is_delivered(waiting: Connected) -> None:
    waiting.receiver.answers = [503, 302, 200]
    for _ in range(3):
        deliver_due()
        make_due()
    assert waiting.delivery.status == DeliveryStatus.DELIVERED
    assert list(waiting.delivery.attempt_log.values_list("status", flat=True)) == [503, 302, 200]


def test_an_endpoint_that_asks_for_patience_gets_it(waiting: Connected) -> None:
    waiting.receiver.answers = [429]
    waiting.receiver.headers = {"Retry-After": "3600"}
    deliver_due()
    assert waiting.delivery.next_attempt_at > timezone.now() + timedelta(minutes=59)


def test_an_endpoint_that_is_gone_is_switched_off(waiting: Connected) -> None:
    waiting.receiver.answers = [410]
    fail(requested_refund())

    assert deliver_due().failed == 1

    endpoint = Endpoint.objects.get()
    assert (endpoint.enabled, endpoint.disabled_by_410) == (False, True)
    assert set(Delivery.objects.values_list("status", flat=True)) == {DeliveryStatus.GIVEN_UP, DeliveryStatus.WAITING}
    assert deliver_due() == Sent()
    waiting.receiver.answers = [200]
    switch_endpoint(endpoint, on=True)
    assert deliver_due().delivered == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "https://127.0.0.9/"}, "address_not_public"),
        ({"url": "https://user:pw@shop.example/"}, "credentials_in_url"),
        ({"url": "https://no-such-host.invalid/"}, "host_unknown"),
        ({"secret": ENCRYPTED_WITH_ANOTHER_KEY}, "secret_unreadable"),
    ],
)
def test_what_cannot_be_sent_is_written_down_and_tried_again(
    waiting: Connected, change: dict[str, str], code: str
) -> None:
    Endpoint.objects.update(**change)
    deliver_due()
    attempt = waiting.delivery.attempt_log.get()
    assert (attempt.status, attempt.error) == (None, code)
    assert waiting.delivery.next_attempt_at > timezone.now()
    assert waiting.receiver.received == []


def test_during_a_rotation_both_secrets_verify_and_afterwards_only_the_new_one(
    waiting: Connected, settings: Settings
) -> None:
    new = rotate_secret(waiting.endpoint, overlap=timedelta(hours=24))
    deliver_due()
    for secret in (waiting.secret, new):
        assert waiting.receiver.received[0].verified_with(secret)

    Endpoint.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    fail(requested_refund())
    deliver_due()
    assert " " not in waiting.receiver.received[1].headers["webhook-signature"]
    assert waiting.receiver.received[1].verified_with(new)


def test_a_secret_that_leaked_signs_nothing_more(waiting: Connected) -> None:
    new = rotate_secret(waiting.endpoint, overlap=timedelta(hours=24))
    newest = rotate_secret(waiting.endpoint, overlap=timedelta(0))
    deliver_due()
    signature = waiting.receiver.received[0].headers["webhook-signature"]
    assert (signature.count("v1,"), new == newest) == (1, False)
    assert waiting.receiver.received[0].verified_with(newest)


def test_secrets_are_stored_encrypted(connected: Connected) -> None:
    assert connected.secret not in str(Endpoint.objects.values().get())
    assert connected.secret.removeprefix("whsec_") not in str(Endpoint.objects.values().get())


# --- Soon, and by whom --------------------------------------------------------------------------------------


def test_a_refund_is_told_right_after_its_commit(
    sandbox: SandboxServer, connected: Connected, eager_worker: None
) -> None:
    record = refund(paid_at_sandbox(sandbox))

    event = connected.receiver.received[0].verified_with(connected.secret)
    assert event["data"]["refund"]["number"] == record.number
    assert connected.delivery.status == DeliveryStatus.DELIVERED


def test_a_broker_that_is_gone_neither_fails_the_refund_nor_loses_the_event(
    sandbox: SandboxServer, connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(tasks.deliver_to, "apply_async", side_effect=OperationalError("gone")):
        record = refund(paid_at_sandbox(sandbox))

    assert record.status == "succeeded"
    assert "could not be enqueued" in caplog.text
    assert deliver_due() == Sent(delivered=1)


def test_a_new_event_does_not_wait_for_the_next_try_of_an_older_one(connected: Connected, eager_worker: None) -> None:
    connected.receiver.answers = [500, 200]
    fail(requested_refund())
    fail(requested_refund())

    assert [event.id for event in connected.receiver.received] == [
        delivery.event.message_id for delivery in connected.endpoint.deliveries.order_by("pk")
    ]
    assert set(connected.endpoint.deliveries.values_list("status", flat=True)) == {"waiting", "delivered"}


def test_an_endpoint_that_keeps_failing_is_paused_whatever_comes(connected: Connected, eager_worker: None) -> None:
    connected.receiver.answers = [500, 500, 500, 200]
    with transaction.atomic():
        for _ in range(3):
            fail(requested_refund())
    assert len(connected.receiver.received) == 3

    fail(requested_refund())
    assert len(connected.receiver.received) == 3

    with time_machine.travel(timezone.now() + PAUSE_WHEN_DOWN):
        make_due()
        tasks.deliver()
    assert not connected.endpoint.deliveries.exclude(status=DeliveryStatus.DELIVERED).exists()


def test_what_is_noted_while_another_task_sends_is_sent_by_that_task(connected: Connected, eager_worker: None) -> None:
    def note_another(handler: BaseHTTPRequestHandler) -> None:
        note = threading.Thread(target=lambda: (fail(requested_refund()), connection.close()))
        note.start()
        note.join()  # its own task finds the endpoint busy
        slowly(handler)

    connected.receiver.answers = [note_another, 200]
    fail(requested_refund())

    assert len(connected.receiver.received) == 2
    assert set(connected.endpoint.deliveries.values_list("status", "attempts")) == {("delivered", 1)}


def test_an_endpoint_is_free_again_when_its_task_has_died(waiting: Connected) -> None:
    now = timezone.now()
    assert service._claim(waiting.endpoint.pk) is not None
    assert deliver_due() == Sent()

    with time_machine.travel(now + LEASE + timedelta(seconds=1)):
        assert deliver_due() == Sent(delivered=1)


def at_once(work: list[object]) -> None:
    barrier = threading.Barrier(len(work))

    def run(job: object) -> None:
        barrier.wait()
        try:
            job()  # type: ignore[operator]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slowly(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.05)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_four_sweeps_at_once_send_each_event_once(waiting: Connected) -> None:
    for _ in range(9):
        fail(requested_refund())
    waiting.receiver.answers = [slowly]

    at_once([deliver_due] * 4)

    ids = [event.id for event in waiting.receiver.received]
    assert len(ids) == len(set(ids)) == 10
    assert set(Delivery.objects.values_list("status", "attempts")) == {("delivered", 1)}


def test_an_event_that_is_being_sent_is_left_to_its_sender_until_the_lease_is_over(waiting: Connected) -> None:
    now = timezone.now()
    assert service._take(waiting.endpoint.pk, now) is not None

    assert deliver_due() == Sent()
    assert send_again(Delivery.objects.all()) == []

    with time_machine.travel(now + LEASE + timedelta(seconds=1)):
        assert deliver_due() == Sent(delivered=1)
    assert waiting.delivery.attempts == 2
    # The log still shows the attempt with an unknown outcome.
    assert list(waiting.delivery.attempt_log.values_list("status", flat=True)) == [None, 200]


def test_a_sender_that_wakes_up_late_changes_nothing_of_a_later_one(waiting: Connected) -> None:
    now = waiting.delivery.next_attempt_at
    late = service._take(waiting.endpoint.pk, now)
    current = service._take(waiting.endpoint.pk, now + LEASE)
    assert late is not None
    assert current is not None

    service._store(late, service.AttemptOutcome(status=500))
    assert waiting.delivery.taken_until == current.delivery.taken_until
    service._store(current, service.AttemptOutcome(status=200))
    service._store(late, service.AttemptOutcome(status=500))

    assert waiting.delivery.status == DeliveryStatus.DELIVERED


# --- Fairness -----------------------------------------------------------------------------------------------


def test_an_endpoint_that_hangs_holds_up_one_task_and_no_other_endpoint(waiting: Connected) -> None:
    release = threading.Event()
    waiting.receiver.answers = [lambda handler: release.wait(20) and None]
    with running_receiver() as quick:
        add_endpoint(name="Quick", url=quick.url, types=[])
        for _ in range(5):
            fail(requested_refund())

        def run() -> None:
            tasks.deliver_to(waiting.endpoint.pk)
            connection.close()

        hanging = threading.Thread(target=run)
        hanging.start()
        waiting.receiver.wait_for(1)
        assert deliver_due() == Sent(delivered=5)
        assert (len(waiting.receiver.received), len(quick.received)) == (1, 5)
        release.set()
        hanging.join()


def test_an_endpoint_that_keeps_failing_is_left_alone_for_the_rest_of_the_run(waiting: Connected) -> None:
    for _ in range(9):
        fail(requested_refund())
    waiting.receiver.answers = [500]
    began = timezone.now()

    assert deliver_due() == Sent(failed=3, is_down=True)
    assert deliver_due() == Sent()

    with time_machine.travel(began + timedelta(minutes=1)):  # the next periodic run
        assert deliver_due() == Sent(failed=3, is_down=True)
    assert len({event.id for event in waiting.receiver.received}) == 6


def test_the_command_says_how_many_wait_for_paused_endpoints(
    waiting: Connected, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(9):
        fail(requested_refund())
    waiting.receiver.answers = [500]
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(next_attempt_at=timezone.now() + DAY)
    deliver_due()
    Delivery.objects.filter(attempts=1).update(next_attempt_at=timezone.now() + DAY)

    call_command("deliver_events")
    switch_endpoint(waiting.endpoint, on=False)
    call_command("deliver_events")

    assert capsys.readouterr().out.splitlines() == [
        "0 delivered, 0 failed.",
        "6 wait for endpoints that are paused because they kept failing.",
        "0 delivered, 0 failed.",
    ]


def test_one_event_that_is_never_accepted_does_not_stop_the_others(waiting: Connected) -> None:
    for _ in range(4):
        fail(requested_refund())
    waiting.receiver.answers = [500, 500, 200, 500, 200]

    assert deliver_due() == Sent(delivered=2, failed=3)


def test_a_run_begins_nothing_new_when_its_time_is_over(waiting: Connected) -> None:
    assert service.deliver_to(waiting.endpoint.pk, seconds=0) == Sent()
    assert waiting.receiver.received == []
    assert deliver_due() == Sent(delivered=1)


# --- Sending again, and test events -------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [200, 410])
def test_an_ended_delivery_is_sent_again_with_the_same_id_and_body(waiting: Connected, answer: int) -> None:
    waiting.receiver.answers = [answer, 200]
    deliver_due()
    switch_endpoint(waiting.endpoint, on=True)

    assert send_again(Delivery.objects.all()) == [waiting.delivery]
    assert deliver_due() == Sent(delivered=1)

    first, second = waiting.receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert waiting.delivery.attempts == 2


def test_a_delivery_that_is_sent_again_gets_all_its_attempts_anew(waiting: Connected) -> None:
    waiting.receiver.answers = [500]
    Delivery.objects.update(failures=MAX_FAILURES - 1)
    deliver_due()
    assert waiting.delivery.status == DeliveryStatus.GIVEN_UP

    send_again(Delivery.objects.all())
    deliver_due()

    assert (waiting.delivery.status, waiting.delivery.failures) == (DeliveryStatus.WAITING, 1)


@pytest.mark.parametrize(("answer", "status"), [(200, "delivered"), (500, "given_up")])
def test_a_test_event_is_sent_once_even_to_an_endpoint_that_is_off(
    connected: Connected, answer: int, status: str
) -> None:
    switch_endpoint(connected.endpoint, on=False)
    connected.receiver.answers = [answer]

    assert send_test(connected.endpoint).status == status

    event = connected.receiver.received[0].verified_with(connected.secret)
    assert (event["type"], event["data"]) == ("ping", {})
    assert send_again(Delivery.objects.all()) == []
    assert deliver_due() == Sent()


# --- Retention ----------------------------------------------------------------------------------------------


def test_old_events_are_forgotten_and_what_still_waits_is_not(waiting: Connected, settings: Settings) -> None:
    settings.WEBHOOK_KEEP_DAYS = 30
    deliver_due()
    fail(requested_refund())
    now = timezone.now()

    assert drop_old_events(now + timedelta(days=29)) == 0
    assert drop_old_events(now + timedelta(days=31)) == 1
    assert (Event.objects.count(), Attempt.objects.count()) == (1, 0)
    switch_endpoint(waiting.endpoint, on=False)
    assert drop_old_events(now + timedelta(days=31)) == 1


def test_an_event_that_was_sent_again_lately_is_kept(waiting: Connected) -> None:
    deliver_due()
    Event.objects.update(created_at=timezone.now() - timedelta(days=100))
    assert drop_old_events(timezone.now()) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"status": "lost"},
        {"status": "delivered", "finished_at": None},
        {"finished_at": timezone.now()},
    ],
)
def test_database_refuses_nonsense(waiting: Connected, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.update(**change)


@pytest.mark.parametrize(
    "change",
    [{"secret": ""}, {"old_secret": Fernet(Fernet.generate_key()).encrypt(b"x").decode()}, {"disabled_by_410": True}],
)
def test_database_refuses_nonsense_of_endpoints(connected: Connected, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Endpoint.objects.update(**change)
