"""Real processes: killed at the worst moments, started by cron, by Celery, and ending right after a refund."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from config.celery import app
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from tests.webhooks.test_events import fail, requested_refund
from webhooks.models import Delivery, DeliveryStatus, Event

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
Environment = Callable[..., dict[str, str]]

# Refunds, and dies as soon as the settlement is committed: before the event could be sent.
KILLED_AFTER_THE_COMMIT = """
import os, signal, sys, django
django.setup()
from django.core.management import call_command
from webhooks import receivers
receivers.send_soon = lambda endpoints: os.kill(os.getpid(), signal.SIGKILL)
call_command("refund", sys.argv[1])
"""
# Dies after the event was noted, but before the settlement is committed.
KILLED_BEFORE_THE_COMMIT = """
import os, signal, sys, django
django.setup()
from django.core.management import call_command
from refunds.services import settle
saved = settle.Payment.save
def die(self, *args, **kwargs):
    saved(self, *args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
settle.Payment.save = die
call_command("refund", sys.argv[1])
"""


@pytest.fixture
def environment(child_environment: Environment) -> dict[str, str]:
    return child_environment(WEBHOOK_ALLOWED_NETWORKS="127.0.0.1", WEBHOOK_ALLOW_HTTP="true")


def run(*command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run("manage.py", *arguments, environment=environment)


def test_killed_between_settlement_and_delivery_the_event_is_sent_by_the_next_process(
    sandbox: SandboxServer, connected: Connected, environment: dict[str, str]
) -> None:
    payment = paid_at_sandbox(sandbox)

    assert run("-c", KILLED_AFTER_THE_COMMIT, payment.imp_uid, environment=environment).returncode == -9

    assert connected.receiver.received == []
    done = manage("deliver_events", environment=environment)
    assert (done.returncode, done.stdout) == (0, "1 delivered, 0 failed.\n"), done.stderr
    (event,) = connected.receiver.received
    assert event.verified_with(connected.secret)["data"]["refund"]["number"] == payment.refunds.get().number


def test_killed_inside_the_settlement_neither_refund_nor_event_is_there_until_reconcile(
    sandbox: SandboxServer, connected: Connected, environment: dict[str, str]
) -> None:
    payment = paid_at_sandbox(sandbox)

    assert run("-c", KILLED_BEFORE_THE_COMMIT, payment.imp_uid, environment=environment).returncode == -9

    assert payment.refunds.get().is_live
    assert not Event.objects.exists()
    payment.refunds.update(requested_at=timezone.now() - timedelta(hours=1))
    assert manage("reconcile", environment=environment).returncode == 0
    assert Event.objects.get().type == "refund.succeeded"
    connected.receiver.wait_for(1)


def test_killed_while_sending_the_event_is_sent_again_after_the_lease(
    connected: Connected, environment: dict[str, str], no_sending: None
) -> None:
    fail(requested_refund())
    release = threading.Event()
    connected.receiver.answers = [lambda handler: release.wait(60) and None, 200]
    with subprocess.Popen([sys.executable, "manage.py", "deliver_events"], cwd=ROOT, env=environment) as sender:
        connected.receiver.wait_for(1)
        os.kill(sender.pid, signal.SIGKILL)
    release.set()

    assert manage("deliver_events", environment=environment).stdout == "0 delivered, 0 failed.\n"
    Delivery.objects.update(taken_until=timezone.now() - timedelta(seconds=1))  # the lease goes by
    assert manage("deliver_events", environment=environment).stdout == "1 delivered, 0 failed.\n"

    first, second = connected.receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_two_processes_at_once_send_each_event_once(
    connected: Connected, environment: dict[str, str], no_sending: None
) -> None:
    for _ in range(20):
        fail(requested_refund())
    command = [sys.executable, "manage.py", "deliver_events"]
    senders = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [sender.wait() for sender in senders] == [0, 0]

    ids = [event.id for event in connected.receiver.received]
    assert len(ids) == len(set(ids)) == 20


def test_a_command_that_refunds_tells_it_before_it_ends(
    sandbox: SandboxServer, connected: Connected, environment: dict[str, str]
) -> None:
    payment = paid_at_sandbox(sandbox)

    assert manage("refund", payment.imp_uid, environment=environment).returncode == 0

    assert len(connected.receiver.received) == 1
    assert connected.delivery.status == DeliveryStatus.DELIVERED


def test_a_command_that_refunds_does_not_wait_for_ever(
    sandbox: SandboxServer, connected: Connected, environment: dict[str, str]
) -> None:
    release = threading.Event()
    connected.receiver.answers = [lambda handler: release.wait(100) and None]
    payment = paid_at_sandbox(sandbox)
    assert manage("refund", payment.imp_uid, environment=environment).returncode == 0

    release.set()
    assert connected.delivery.status == DeliveryStatus.WAITING
    # It left before the sender gave up: of the attempt nothing is known.
    assert list(connected.delivery.attempt_log.values_list("status", "error")) == [(None, "")]


def test_the_command_says_what_failed_and_forgets_what_is_old(
    connected: Connected, no_sending: None, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(requested_refund())
    connected.receiver.answers = [500, 200]
    with pytest.raises(SystemExit, match="1"):
        call_command("deliver_events")
    Delivery.objects.update(next_attempt_at=timezone.now())
    call_command("deliver_events", "--prune")
    assert capsys.readouterr().out.splitlines() == [
        "0 delivered, 1 failed.",
        "1 delivered, 0 failed.",
        "0 old events deleted.",
    ]


def test_the_workers_tasks_send_and_forget(connected: Connected, no_sending: None) -> None:
    app.loader.import_default_modules()
    fail(requested_refund())
    app.tasks["webhooks.tasks.deliver"]()
    assert len(connected.receiver.received) == 1

    Event.objects.update(created_at=timezone.now() - timedelta(days=31))
    Delivery.objects.update(finished_at=timezone.now() - timedelta(days=31))
    app.tasks["webhooks.tasks.prune"]()
    assert not Event.objects.exists()
    assert {"webhooks.tasks.deliver", "webhooks.tasks.prune"} <= {
        entry["task"] for entry in app.conf.beat_schedule.values()
    }
