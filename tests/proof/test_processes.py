"""Parallel processes: refunds of one and of many payments, with reconcile, notifications and console cancels."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_django import Settings

from chaos.comparison import doubled
from refunds.models import RefundRecord, RefundSource
from tests.entry_points import run_command
from tests.factories import paid_at_sandbox
from tests.proof.test_kill import HANG_SECONDS, all_agree, let_leases_end, reconcile_in_a_new_process
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
SECONDS = "2"
CONSOLE_PAUSE = 0.1  # seconds; without it every refund would meet a changed balance
LOST = ("drop_after", "drop_before", "refuse_after", "truncated", "http_500")  # each in one cancel of ten


def at_once(environment: dict[str, str], *roles: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.proof.processes", SECONDS, *roles], cwd=ROOT, env=environment)


def test_parallel_processes_never_exceed_the_amount_of_a_payment(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment = paid_at_sandbox(sandbox, amount=2_000)
    while payment.cancel_amount <= 1_900:  # on a busy machine one run is not enough
        assert at_once(child_environment(), *[f"refund:{payment.imp_uid}"] * 4).wait() == 0
        payment.refresh_from_db()
    assert payment.cancel_amount <= 2_000
    assert all_agree(sandbox)


def test_refund_with_a_running_call_is_not_marked_as_failed(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "hang_before", times=1, seconds=HANG_SECONDS)
    command = [sys.executable, "manage.py", "refund", payment.imp_uid]
    running = subprocess.Popen(command, cwd=ROOT, env=child_environment(), stdout=subprocess.DEVNULL)
    while not sandbox.log("cancel"):
        assert running.poll() is None
        time.sleep(0.05)
    assert run_command("reconcile", payment.imp_uid)[1]["results"][0]["code"] == "waiting"
    assert running.wait() == 0
    assert all_agree(sandbox)


def test_ledger_equals_imort_after_parallel_refunds_and_console_cancels(
    sandbox: SandboxServer, settings: Settings, child_environment: Callable[..., dict[str, str]]
) -> None:
    uids = [paid_at_sandbox(sandbox, amount=500_000).imp_uid for _ in range(4)]
    for fault in LOST:
        sandbox.fault("cancel", fault, probability=0.1)
    everyone = ",".join(uids)
    roles = [f"refund:{uids[0]}", *(f"{role}:{everyone}" for role in ("refund", "refund", "reconcile", "notify"))]
    dice = random.Random(1)
    running = at_once(child_environment(), *roles)
    while running.poll() is None:
        sandbox.console_cancel(dice.choice(uids), 10, "console")
        with suppress(subprocess.TimeoutExpired):
            running.wait(CONSOLE_PAUSE)
    assert running.wait() == 0
    sandbox.clear_faults()
    let_leases_end(settings)
    reconcile_in_a_new_process(child_environment())
    assert set(RefundRecord.objects.values_list("source", flat=True)) == {RefundSource.COMMAND, RefundSource.CONSOLE}
    assert doubled(sandbox.payment(uid) for uid in uids) == []
    assert all_agree(sandbox)
