"""Processes killed (`kill -9`) during a refund: reconcile gives every refund its right status."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from pytest_django import Settings

from chaos.comparison import differences, unresolved
from payments.models import Payment
from refunds.models import RefundRecord
from tests.entry_points import run_command
from tests.factories import paid_at_sandbox
from tests.proof.test_fault_matrix import wait_for_open_calls
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
KILLED = -9
HANG_SECONDS = 4

# killed                          | record left behind | after reconcile
POINTS = {
    "after the reservation":          ("requested", "failed"),
    "before the cancel is sent":      ("requested", "failed"),
    "while i'mport works":            ("requested", "succeeded"),
    "after the answer":               ("requested", "succeeded"),
    "inside the settlement":          ("requested", "succeeded"),
    "before the settlement's commit": ("requested", "succeeded"),
    "after the settlement":           ("succeeded", "succeeded"),
}  # fmt: skip
RANDOM_KILLS = 12
CALLS_OF_A_REFUND = 400  # roughly how many of our functions one refund calls


def crash(arguments: list[str], environment: dict[str, str]) -> list[int]:
    """Refund in processes that are killed; return their exit codes."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.proof.crashing", "kill", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def reconcile_in_a_new_process(environment: dict[str, str]) -> None:
    """Reconcile as an operator does, after all leases."""
    done = subprocess.run(
        [sys.executable, "manage.py", "reconcile"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def let_leases_end(settings: Settings) -> None:
    lease = timedelta(seconds=settings.REFUND_LEASE_SECONDS + 1)
    RefundRecord.objects.live().update(requested_at=F("requested_at") - lease)


def all_agree(sandbox: SandboxServer) -> bool:
    return differences(sandbox.payment(payment.imp_uid) for payment in Payment.objects.all()) == unresolved() == []


def test_refund_killed_at_a_named_step_ends_correctly(
    sandbox: SandboxServer, settings: Settings, child_environment: Callable[..., dict[str, str]]
) -> None:
    payments = {point: paid_at_sandbox(sandbox) for point in POINTS}
    hanging = payments["while i'mport works"].imp_uid
    sandbox.fault("cancel", "hang_before", times=1, seconds=HANG_SECONDS, imp_uid=hanging)
    arguments = [text for point, payment in payments.items() for text in (point, payment.imp_uid)]

    assert crash(arguments, child_environment()) == [KILLED] * len(POINTS)

    left = {point: payment.refunds.get().status for point, payment in payments.items()}
    assert left == {point: status for point, (status, _) in POINTS.items()}
    wait_for_open_calls(sandbox)
    let_leases_end(settings)
    reconcile_in_a_new_process(child_environment())
    ends = {point: payment.refunds.get().status for point, payment in payments.items()}
    assert ends == {point: status for point, (_, status) in POINTS.items()}
    assert all_agree(sandbox)


def test_refund_killed_at_any_call_ends_correctly(
    sandbox: SandboxServer, settings: Settings, child_environment: Callable[..., dict[str, str]]
) -> None:
    dice = random.Random(20_240_301)
    calls = [dice.randrange(1, CALLS_OF_A_REFUND) for _ in range(RANDOM_KILLS)]
    payments = [paid_at_sandbox(sandbox) for _ in calls]
    arguments = [text for call, payment in zip(calls, payments, strict=True) for text in (str(call), payment.imp_uid)]

    exit_codes = crash(arguments, child_environment())

    assert set(exit_codes) <= {KILLED, 0}
    assert KILLED in exit_codes
    let_leases_end(settings)
    assert run_command("reconcile")[0] == 0
    assert all_agree(sandbox)


def test_process_suspended_past_its_lease_sends_nothing(
    sandbox: SandboxServer, settings: Settings, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment = paid_at_sandbox(sandbox)
    command = [sys.executable, "-m", "tests.proof.crashing", "wait", "after the reservation", payment.imp_uid]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=child_environment(), text=True, **pipes) as sleeper:
        assert sleeper.stdin
        assert sleeper.stdout
        assert sleeper.stdout.readline() == "reached\n"
        let_leases_end(settings)
        assert run_command("reconcile")[0] == 0
        sleeper.stdin.write("3600\n")
        sleeper.stdin.flush()
        assert sleeper.stdout.readline() == "1\n"
    assert sandbox.log("cancel") == []
    assert payment.refunds.get().error_code == "refund_not_carried_out"
    assert all_agree(sandbox)
