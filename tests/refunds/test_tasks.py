"""Periodic tasks: the sweep settles open refunds, called directly and by a worker process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from config.broker import make_folders, transport_options
from config.celery import app
from payments.intake.inbox import add_notification
from payments.models import Notification, Payment
from refunds.errors import RefundOutcomeUnknown
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.services.refund import request_refund
from refunds.tasks import find_cancels, sweep
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
SECONDS = 60
SWEEP = "refunds.tasks.sweep"


def unknown_refund(sandbox: SandboxServer) -> RefundRecord:
    """Create an executed refund whose response was lost, due for a check."""
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    request = RefundRequest(amount=Decimal(3_000), reason="broken")
    with pytest.raises(RefundOutcomeUnknown):
        request_refund(payment=payment, request=request, actor=Actor("tester"), source=RefundSource.API)
    payment.refunds.update(next_check_at=None)
    return payment.refunds.get()


def forgotten_notification(sandbox: SandboxServer) -> Payment:
    """Create a notification in the inbox whose process died before the lookup."""
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 2_000)
    add_notification(imp_uid=payment.imp_uid)
    return payment


def is_settled(record: RefundRecord, payment: Payment) -> bool:
    record.refresh_from_db()
    payment.refresh_from_db()
    return record.status == RefundStatus.SUCCEEDED and payment.cancel_amount == 2_000


def test_sweep_settles_open_refunds_and_waiting_notifications(sandbox: SandboxServer) -> None:
    record, payment = unknown_refund(sandbox), forgotten_notification(sandbox)

    app.tasks[SWEEP]()

    assert is_settled(record, payment)
    assert not Notification.objects.exists()


def test_sweep_without_work_calls_nothing(sandbox: SandboxServer) -> None:
    paid_at_sandbox(sandbox)
    before = sandbox.stats()

    app.tasks[SWEEP]()

    assert sandbox.stats() == before


def test_sweep_survives_iamport_being_down(sandbox: SandboxServer) -> None:
    record, payment = unknown_refund(sandbox), forgotten_notification(sandbox)
    sandbox.fault("*", "http_500", times=None)

    app.tasks[SWEEP]()

    sandbox.clear_faults()
    assert not is_settled(record, payment)
    assert Notification.objects.get().attempts == 1


def test_cancels_entered_later_with_an_old_time_are_found_at_night(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 2_000)
    sandbox.fault("status", "http_500", times=1)

    find_cancels()
    payment.refresh_from_db()
    assert payment.cancel_amount == 0
    find_cancels()
    payment.refresh_from_db()
    assert payment.cancel_amount == 2_000


def test_every_scheduled_entry_is_a_task() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled == {
        *(SWEEP, "payments.intake.tasks.mirror", "webhooks.tasks.deliver"),
        *("refunds.tasks.find_cancels", "refunds.tasks.prune"),
    }
    assert scheduled <= set(app.tasks)


def test_messages_are_json_and_leave_no_results() -> None:
    assert (app.conf.accept_content, app.conf.task_serializer) == (["json"], "json")
    assert app.conf.result_backend is None
    assert app.conf.task_acks_late


def test_only_the_file_system_broker_needs_folders(tmp_path: Path) -> None:
    options = transport_options("filesystem://localhost", tmp_path)
    make_folders(options)

    assert Path(options["data_folder_in"]).stat().st_mode & 0o777 == 0o700
    assert options["data_folder_in"] == options["data_folder_out"]
    assert not [name for name in transport_options("redis://localhost/0", tmp_path) if "folder" in name]


@contextmanager
def running_worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "--pool", "threads", "-B"]
    worker = subprocess.Popen(command, cwd=PROJECT_DIR, env=environment)
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def test_worker_process_takes_a_message_from_the_file_system(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]
) -> None:
    record, payment = unknown_refund(sandbox), forgotten_notification(sandbox)
    sweep.delay()

    with running_worker(child_environment()) as worker:
        deadline = time.monotonic() + SECONDS
        while not is_settled(record, payment):
            assert worker.poll() is None
            assert time.monotonic() < deadline, "the worker did not settle them in time"
            time.sleep(0.1)

    assert worker.returncode == 0
