"""How long a PostgreSQL server is waited for."""

import time
from unittest.mock import patch

import pytest
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection
from django.db.models.signals import post_migrate, pre_migrate

from core.database import time_limits
from core.database.chunks import in_chunks
from payments.models import Payment
from tests.factories import make_payment


def show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.fixture
def server_limits(transactional_db: None) -> None:
    connection.close()  # a new connection, with the limits as they are


@pytest.mark.postgres
def test_the_server_ends_long_statements_and_lock_waits(server_limits: None) -> None:
    assert (show("statement_timeout"), show("lock_timeout")) == ("15s", "10s")


@pytest.mark.postgres
def test_a_pooler_sets_its_own_limits(server_limits: None) -> None:
    with patch.object(time_limits, "_SET", time_limits._SET.replace("= %s", "= -%s")):
        assert (show("statement_timeout"), show("lock_timeout")) == ("0", "0")
    connection.close()


@pytest.mark.postgres
@pytest.mark.parametrize("seconds", [0.2, 0.5])
def test_a_silent_server_is_given_up(server_limits: None, seconds: float) -> None:
    started = time.monotonic()
    with time_limits.answer_within(seconds), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with pytest.raises(OperationalError, match="has not answered"):
            cursor.execute("SELECT pg_sleep(10)")
    assert time.monotonic() - started < seconds + 2
    connection.close()
    assert show("statement_timeout") == "15s"


@pytest.mark.postgres
def test_threads_do_not_pile_up_while_a_server_is_silent(server_limits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limits, "AFTER_SILENCE", 0.2)
    monkeypatch.setattr(time_limits, "_silent_at", time.monotonic())
    connection.ensure_connection()
    monkeypatch.setattr(time_limits, "_silent_at", time.monotonic())
    started = time.monotonic()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(10)")
    assert time.monotonic() - started < 2
    connection.close()
    assert show("statement_timeout") == "15s"  # an answer ends it
    assert time_limits._silent_at < 0


@pytest.mark.postgres
def test_migrations_have_no_limits(server_limits: None) -> None:
    sender = apps.get_app_config("monitoring")
    assert time_limits._suspend_limits in pre_migrate._live_receivers(sender)[0]
    assert time_limits._resume_limits in post_migrate._live_receivers(sender)[0]
    with patch.dict(settings.DATABASES["default"], LIMITS={"statement_timeout": 100, "lock_timeout": 100}):
        time_limits._suspend_limits()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.3)")
        time_limits._resume_limits()
        with pytest.raises(OperationalError, match="statement timeout"), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")
    connection.close()


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_rows_are_read_in_their_order(size: int) -> None:
    made = [make_payment() for _ in range(5)]
    rows = Payment.objects.order_by("-pk")
    assert list(in_chunks(rows, size)) == made[::-1]
    assert list(in_chunks(rows.none(), size)) == []
