"""The control API, the call log, and the state after a restart."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from tests.sandbox.conftest import Cancel
from tests.sandbox_server import PROJECT_ROOT, SandboxError, SandboxServer, child_environment


def test_existing_payment_is_left_alone_unless_replaced(sandbox: SandboxServer) -> None:
    first = sandbox.create_payment(imp_uid="imp_1", amount=5_000)

    kept = sandbox.create_payment(imp_uid="imp_1", amount=7_000)
    replaced = sandbox.create_payment(imp_uid="imp_1", amount=7_000, replace=True)

    assert kept == first
    assert replaced["amount"] == 7_000


def test_unknown_field_is_refused_and_nothing_is_created(sandbox: SandboxServer) -> None:
    with pytest.raises(SandboxError, match="colour"):
        sandbox.create_payments([{"imp_uid": "imp_1"}, {"colour": "red"}])
    with pytest.raises(SandboxError, match="HTTP 404"):
        sandbox.payment("imp_1")


@pytest.mark.parametrize(
    "fields",
    [{"amount": "much"}, {"status": "lost"}, {"cancel_amount": 10_001}, {"tax_free": 10_001}],
)
def test_impossible_payment_is_refused(sandbox: SandboxServer, fields: dict[str, object]) -> None:
    with pytest.raises(SandboxError, match="HTTP 400"):
        sandbox.create_payment(**fields)


def test_given_history_is_kept(sandbox: SandboxServer) -> None:
    history = [{"amount": 1_000, "reason": "첫 환불", "cancellation_id": "cancel_1", "cancelled_at": 1_700_000_000}]

    payment = sandbox.create_payment(cancel_history=history)

    [item] = payment["cancel_history"]
    assert {name: item[name] for name in history[0]} == history[0]
    assert (payment["cancel_amount"], payment["cancellable"]) == (1_000, 9_000)


def test_cancelled_payment_without_a_history_is_cancelled_in_full(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(status="cancelled")

    assert (payment["cancel_amount"], len(payment["cancel_history"])) == (10_000, 1)


def test_foreign_host_name_is_refused(sandbox: SandboxServer) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/reset", headers={"Host": "elsewhere.example"}, json={}, timeout=10)

    assert answer.status_code == 400


def test_log_and_stats_show_the_calls_received(sandbox: SandboxServer, cancel: Cancel) -> None:
    payment = sandbox.create_payment()
    cancel(imp_uid=payment["imp_uid"], amount=1_000, refund_account="110-123")
    cancel(imp_uid="imp_unknown")

    first, second = sandbox.log("cancel")

    assert first["params"] == {"imp_uid": payment["imp_uid"], "amount": 1_000, "refund_account": "110-123"}
    assert (first["imp_uid"], first["code"], first["http_status"]) == (payment["imp_uid"], 0, 200)
    assert second["code"] == 1
    assert sandbox.stats() == {"getToken": 2, "cancel": 2}


def test_console_cancel_ignores_pg_rules_but_not_the_balance(sandbox: SandboxServer) -> None:
    payment = sandbox.create_payment(escrow=True)

    sandbox.console_cancel(payment["imp_uid"], 4_000)

    with pytest.raises(SandboxError, match="미정산"):
        sandbox.console_cancel(payment["imp_uid"], 6_001)
    assert sandbox.payment(payment["imp_uid"])["cancel_amount"] == 4_000


@pytest.mark.parametrize(
    "changes",
    [{"volume": 11}, {"contracts": {"free_beer": True}}, {"webhook_format": "xml"}, {"now": "noon"}],
)
def test_impossible_setting_is_refused(sandbox: SandboxServer, changes: dict[str, object]) -> None:
    with pytest.raises(SandboxError, match="HTTP 400"):
        sandbox.settings(**changes)


def test_known_account_holder_can_be_added(sandbox: SandboxServer) -> None:
    account = {"bank_code": "004", "bank_num": "12345670000", "holder": "김철수"}
    requests.post(f"{sandbox.url}/_sandbox/accounts", json=account, timeout=10)

    answer = sandbox.api("GET", "vbanks/holder", params={"bank_code": "004", "bank_num": "123-4567-0000"})

    assert answer.json()["response"] == {"bank_holder": "김철수"}


def test_restart_keeps_everything(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.sqlite3"
    with SandboxServer.start(database) as first:
        payment = first.create_payment(currency="USD", amount="12.34", cancel_amount="1.10")
        token = first.token()
        first.settings(token_life_seconds=77)
        first.fault("cancel", "http_500")
        exit_code = first.kill() if sys.platform == "win32" else first.stop()

    with SandboxServer.start(database) as second:
        answer = requests.get(f"{second.url}/banks", headers={"Authorization": token}, timeout=10)
        assert exit_code == 0
        assert second.payment(payment["imp_uid"]) == payment
        assert payment["cancellable"] == Decimal("11.24")
        assert answer.status_code == 200
        assert second.settings()["token_life_seconds"] == 77
        assert len(second.faults()) == 1


def test_server_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    server = SandboxServer.start(tmp_path / "sandbox.sqlite3")
    assert server.process.stdin is not None

    server.process.stdin.close()

    assert server.process.wait(10) == 0
    server.stop()


def run_manage(*arguments: str, debug: str) -> subprocess.CompletedProcess[str]:
    environment = child_environment({"DEBUG": debug, "DJANGO_SETTINGS_MODULE": "config.settings"})
    environment |= {"SECRET_KEY": "only-for-tests-" * 4, "ALLOWED_HOSTS": "*", "DJANGO_READ_DOTENV": "0"}
    command = [sys.executable, "manage.py", "sandbox", *arguments]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, input="", capture_output=True, text=True, timeout=60, check=False
    )


def test_command_refuses_to_run_in_production(tmp_path: Path) -> None:
    done = run_manage("--port", "0", "--database", str(tmp_path / "s.sqlite3"), debug="false")

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--allow-production" in done.stderr


@pytest.mark.parametrize(("debug", "extra"), [("true", []), ("false", ["--allow-production"])])
def test_command_starts_the_server_on_a_free_port(tmp_path: Path, debug: str, extra: list[str]) -> None:
    # Standard input is empty, so the server stops as soon as it has started.
    database = tmp_path / "s.sqlite3"

    done = run_manage("--port", "0", "--database", str(database), *extra, debug=debug)

    assert done.returncode == 0
    assert done.stdout.startswith("Sandbox i'mport API at http://127.0.0.1:")
    assert database.exists()


def test_command_refuses_a_database_file_that_it_cannot_use(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than the header of one" * 10)
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied text)")
        applied = ("sandbox_server", "0001_initial", "2026-01-01")
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)", applied)
    for database in (tmp_path, text, text / "s.sqlite3", old):
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--database", str(database)]
        environment = child_environment({})
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=environment, input="", capture_output=True, text=True, check=False
        )

        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.strip().splitlines()) == 1
        assert str(database) in done.stderr
