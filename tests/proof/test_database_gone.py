"""Stop and restart PostgreSQL during a refund."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.proof.own_postgres import OwnPostgres
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[2]
LATER = 3_600  # seconds: after every lease

# stopped                          | the ledger's first word   | after reconcile
POINTS = {
    "after the reservation":          ("requested", "succeeded"),
    "after the answer":               ("requested", "succeeded"),
    "inside the settlement":          ("requested", "succeeded"),
    "before the settlement's commit": ("requested", "succeeded"),
    "after the settlement":           ("succeeded", "succeeded"),
}  # fmt: skip
Environment = dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with OwnPostgres() as running:
        yield running


@pytest.fixture
def environment(server: OwnPostgres, sandbox_server: SandboxServer) -> Environment:
    sandbox_server.reset()
    sandbox = {
        "IAMPORT_API_URL": sandbox_server.url,
        "IAMPORT_IMP_KEY": sandbox_server.imp_key,
        "IAMPORT_IMP_SECRET": sandbox_server.imp_secret,
    }
    return {**os.environ, **sandbox, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": server.url}


def run(environment: Environment, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refund(environment: Environment, point: str, imp_uid: str, at_the_point: Callable[[], None]) -> int:
    """Refund in a process that waits at `point`; return its exit code."""
    command = [sys.executable, "-m", "tests.proof.crashing", "wait", point, imp_uid]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "reached\n"
        at_the_point()
        process.stdin.write("0\n")
        process.stdin.flush()
        return int(process.stdout.readline())


def ledger(environment: Environment) -> dict[str, list[str]]:
    """Return the refunded amount and the refunds' statuses of each payment."""
    return dict(line.split("=") for line in run(environment, "-m", "tests.proof.ledger_rows").splitlines())


def restart(server: OwnPostgres) -> None:
    server.stop()
    server.start()


def test_refund_ends_correctly_if_the_database_restarts_at_any_step(
    server: OwnPostgres, sandbox_server: SandboxServer, environment: Environment
) -> None:
    run(environment, "manage.py", "migrate", "--verbosity", "0")
    payments = {point: sandbox_server.create_payment(pg_provider="uplus")["imp_uid"] for point in POINTS}
    run(environment, "manage.py", "sync_payments", *payments.values())

    exit_codes = {
        point: refund(environment, point, imp_uid, lambda: restart(server)) for point, imp_uid in payments.items()
    }

    before = ledger(environment)
    assert {point: before[uid].split()[1] for point, uid in payments.items()} == {
        point: first for point, (first, _) in POINTS.items()
    }
    assert exit_codes == {point: 0 if first == "succeeded" else 1 for point, (first, _) in POINTS.items()}
    run(environment, "-m", "tests.proof.ledger_rows", "age", str(LATER))
    run(environment, "manage.py", "reconcile")
    after = ledger(environment)
    assert [after[uid] for uid in payments.values()] == ["1000 succeeded"] * len(POINTS)
    assert all(sandbox_server.payment(uid)["cancel_amount"] == 1_000 for uid in payments.values())


def test_without_a_database_no_cancel_is_sent(
    server: OwnPostgres, sandbox_server: SandboxServer, environment: Environment
) -> None:
    run(environment, "manage.py", "migrate", "--verbosity", "0")
    imp_uid = sandbox_server.create_payment(pg_provider="uplus")["imp_uid"]
    run(environment, "manage.py", "sync_payments", imp_uid)
    server.stop()
    done = subprocess.run(
        [sys.executable, "manage.py", "refund", imp_uid], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    server.start()
    assert done.returncode == 1
    assert sandbox_server.log("cancel") == []
