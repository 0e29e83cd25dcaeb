"""A database that is down or read-only: what commands, the API and the probes say of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.api_client import cancel, get, make_token
from tests.factories import make_payment
from tests.proof.own_postgres import free_port

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "api_token shop",
    "api_token --list",
    "deliver_events",
    "prune",
    "reconcile",
    "reconcile ORD-1",
    "reencrypt",
    "refund ORD-1 ORD-2",
    "sync_payments imp_1",
    "two_factor_reset kim",
)


@contextmanager
def read_only() -> Iterator[None]:
    """Reject every write, as a standby or a full disk does."""
    name = "default_transaction_read_only" if connection.vendor == "postgresql" else "query_only"
    verb = "SET" if connection.vendor == "postgresql" else "PRAGMA"
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {name} = on")
        try:
            yield
        finally:
            cursor.execute(f"{verb} {name} = off")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.django_db(transaction=True)
def test_commands_begin_nothing_on_a_read_only_database(command: str) -> None:
    with read_only(), pytest.raises(CommandError, match="read-only") as refused:
        call_command(*command.split())
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    ("command", "url"),
    [
        ("refund ORD-1 --json", "postgres://desk@127.0.0.1:{port}/desk"),
        ("reconcile", "sqlite:////dev/null/desk.sqlite3"),
        ("migrate", "postgres://desk@127.0.0.1:{port}/desk"),
    ],
)
def test_a_command_without_a_database_prints_one_line(command: str, url: str) -> None:
    environment = {
        "DATABASE_URL": url.format(port=free_port()),
        "DJANGO_READ_DOTENV": "0",
        "DEBUG": "true",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "The database cannot be used: " in done.stderr
    if "--json" in command:
        assert json.loads(done.stdout)["code"] == "database_unavailable"


@pytest.mark.django_db(transaction=True)
def test_the_api_can_be_read_while_nothing_can_be_written() -> None:
    payment = make_payment()
    _token, secret = make_token()
    with read_only():
        read = get(secret, f"/payments/{payment.merchant_uid}")
        refunded = cancel(secret, {"merchant_uid": payment.merchant_uid})
    assert read.status_code == 200
    assert (refunded.status_code, refunded.json()["code"]) == (503, "database_unavailable")
