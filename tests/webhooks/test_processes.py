"""Real processes: killed at the worst moments, started by cron, and a worker of Celery."""

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

from tests.factories import paid_at_sandbox
from tests.production import WORKER, running, wait_for
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from tests.webhooks.test_events import fail, requested_refund
from webhooks.models import Delivery, DeliveryStatus, Endpoint, Event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

ROOT = Path(__file__).resolve().parents[2]
SOON = 40  # seconds
Environment = Callable[..., dict[str, str]]

# Refunds, and dies right after the settlement is committed, before the event is sent.
KILLED_AFTER_THE_COMMIT = """
import os, signal, sys, django
django.setup()
from django.core.management import call_command
from webhooks import receivers
receivers.deliver_to.apply_async = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
call_command("refund", sys.argv[1])
"""
# Dies after the event is recorded, but before the settlement is committed.
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


def test_killed_while_sending_the_event_is_sent_again_after_the_lease(
    connected: Connected, environment: dict[str, str]
) -> None:
    fail(requested_refund())
    release = threading.Event()
    connected.receiver.answers = [lambda handler: release.wait(60) and None, 200]
    with subprocess.Popen([sys.executable, "manage.py", "deliver_events"], cwd=ROOT, env=environment) as sender:
        connected.receiver.wait_for(1)
        os.kill(sender.pid, signal.SIGKILL)
    release.set()

    assert manage("deliver_events", environment=environment).stdout == "0 delivered, 0 failed.\n"
    over = timezone.now() - timedelta(seconds=1)  # both leases go by
    Delivery.objects.update(taken_until=over)
    Endpoint.objects.update(busy_until=over)
    assert manage("deliver_events", environment=environment).stdout == "1 delivered, 0 failed.\n"

    first, second = connected.receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_two_processes_at_once_send_each_event_once(connected: Connected, environment: dict[str, str]) -> None:
    for _ in range(20):
        fail(requested_refund())
    command = [sys.executable, "manage.py", "deliver_events"]
    senders = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [sender.wait() for sender in senders] == [0, 0]

    ids = [event.id for event in connected.receiver.received]
    assert len(ids) == len(set(ids)) == 20


def test_what_a_command_refunds_is_told_by_the_worker_which_tries_again_soon(
    sandbox: SandboxServer, connected: Connected, environment: dict[str, str], tmp_path: Path
) -> None:
    payment = paid_at_sandbox(sandbox)
    connected.receiver.answers = [500, 200]
    with running(WORKER, environment, tmp_path / "worker.log"):
        assert manage("refund", payment.imp_uid, environment=environment).returncode == 0
        connected.receiver.wait_for(2, seconds=SOON)  # well before a sweep would

        wait_for(lambda: connected.delivery.status == DeliveryStatus.DELIVERED, "the answer was not stored")
    assert len({event.id for event in connected.receiver.received}) == 1


def test_the_command_says_what_failed_and_forgets_what_is_old(
    connected: Connected, capsys: pytest.CaptureFixture[str]
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
