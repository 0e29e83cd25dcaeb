"""Stop, restart and suspend PostgreSQL during a refund."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.production import running_web, wait_for
from tests.proof.own_postgres import OwnPostgres
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[2]
LATER = 3_600  # seconds: after every lease
READ_TIMEOUT = 2  # seconds
MIRROR_AND_CREATE_TOKEN = """
import sys, django
django.setup()
from django.contrib.auth.models import User
from access.tokens.service import create_token
from payments.intake.sync import sync_by_id
list(sync_by_id(sys.argv[1:]))
print(create_token(user=User.objects.create_superuser("shop"), name="shop")[1])
"""

# stopped                          | the ledger's first word   | after reconcile
POINTS = {
    "after the reservation":          ("requested", "failed"),  # the lease is read from the database: nothing was sent
    "after the answer":               ("requested", "succeeded"),
    "inside the settlement":          ("requested", "succeeded"),
    "before the settlement's commit": ("requested", "succeeded"),
    "after the settlement":           ("succeeded", "succeeded"),
}  # fmt: skip
Environment = dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with OwnPostgres() as running:
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": running.url}
        run({**os.environ, **settings}, "manage.py", "migrate", "--verbosity", "0")
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


def refund(environment: Environment, payments: dict[str, str], at_the_point: Callable[[], None]) -> dict[str, int]:
    """Refund each payment in a process of its own that waits at its point; return the exit codes by point."""
    arguments = [text for pair in payments.items() for text in pair]
    command = [sys.executable, "-m", "tests.proof.crashing", "wait", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    exit_codes = {}
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes) as process:
        assert process.stdin
        assert process.stdout
        for point in payments:
            assert process.stdout.readline() == "reached\n"
            at_the_point()
            process.stdin.write("0\n")
            process.stdin.flush()
            exit_codes[point] = int(process.stdout.readline())
    return exit_codes


def ledger(environment: Environment) -> dict[str, str]:
    """Return the refunded amount and the refunds' statuses of each payment."""
    return dict(line.split("=") for line in run(environment, "-m", "tests.proof.ledger_rows").splitlines())


def restart(server: OwnPostgres) -> None:
    server.stop()
    server.start()


def test_refund_ends_correctly_if_the_database_restarts_at_any_step(
    server: OwnPostgres, sandbox_server: SandboxServer, environment: Environment
) -> None:
    payments = {point: sandbox_server.create_payment(pg_provider="uplus")["imp_uid"] for point in POINTS}
    run(environment, "manage.py", "sync_payments", *payments.values())

    exit_codes = refund(environment, payments, lambda: restart(server))

    before = ledger(environment)
    assert {point: before[uid].split()[1] for point, uid in payments.items()} == {
        point: first for point, (first, _) in POINTS.items()
    }
    assert exit_codes == {point: 0 if first == "succeeded" else 1 for point, (first, _) in POINTS.items()}
    run(environment, "-m", "tests.proof.ledger_rows", "age", str(LATER))
    run(environment, "manage.py", "reconcile", *payments.values())  # not those of the other tests
    after = {uid: row for uid, row in ledger(environment).items() if uid in payments.values()}
    refunded = {payments[point]: 1_000 if last == "succeeded" else 0 for point, (_, last) in POINTS.items()}
    assert after == {payments[point]: f"{refunded[payments[point]]} {last}" for point, (_, last) in POINTS.items()}
    assert {uid: sandbox_server.payment(uid)["cancel_amount"] for uid in payments.values()} == refunded


def test_without_a_database_no_cancel_is_sent(
    server: OwnPostgres, sandbox_server: SandboxServer, environment: Environment
) -> None:
    imp_uid = sandbox_server.create_payment(pg_provider="uplus")["imp_uid"]
    run(environment, "manage.py", "sync_payments", imp_uid)
    server.stop()
    done = subprocess.run(
        [sys.executable, "manage.py", "refund", imp_uid], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    server.start()
    assert done.returncode == 2
    assert sandbox_server.log("cancel") == []


def test_a_suspended_database_keeps_nobody_waiting(
    server: OwnPostgres, sandbox_server: SandboxServer, environment: Environment, tmp_path: Path
) -> None:
    late, never = (sandbox_server.create_payment(pg_provider="uplus")["imp_uid"] for _ in range(2))
    sandbox_server.fault("cancel", "latency", times=None, seconds=1.5, imp_uid=late)
    sandbox_server.fault("cancel", "hang", times=None, seconds=READ_TIMEOUT * 3, imp_uid=never)
    environment |= {"DEBUG": "true", "IAMPORT_READ_TIMEOUT": str(READ_TIMEOUT), "VAR_DIR": str(tmp_path)}
    headers = {"Authorization": f"Token {run(environment, '-c', MIRROR_AND_CREATE_TOKEN, late, never)}"}
    with running_web(environment, tmp_path / "web.log") as web, ThreadPoolExecutor(20) as pool:

        def send(method: str, path: str, body: object = None) -> tuple[int, str, float]:
            started = time.monotonic()
            answer = requests.request(method, f"{web.url}{path}", json=body, headers=headers, timeout=60)
            return answer.status_code, answer.json().get("code", ""), time.monotonic() - started

        assert send("GET", f"/payments/{late}")[0] == 200
        refunds = [pool.submit(send, "POST", "/payments/cancel", {"imp_uid": uid}) for uid in (late, never)]
        wait_for(lambda: len(sandbox_server.log("cancel")) == 2, "the refunds did not start")
        with server.suspended():
            command = pool.submit(
                subprocess.run, [sys.executable, "manage.py", "refund", late],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            for status, code, seconds in (refund.result() for refund in refunds):
                assert (status, code) == (504, "outcome_unknown")
                assert seconds < READ_TIMEOUT + 5
            reads = [pool.submit(send, "GET", f"/payments/{late}") for _ in range(16)]
            assert [send("GET", "/healthz")[2] < 2 for _ in range(12)] == [True] * 12
            for status, code, seconds in (read.result() for read in reads):
                assert (status, code) == (503, "database_unavailable")
                assert seconds < 10
            done = command.result()
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert send("GET", f"/payments/{late}")[0] == 200
