"""`/healthz` and `/readyz`: their answers to a load balancer and a deploy script, and their time limits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from celery import current_app
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.db import DatabaseError, OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from monitoring import readiness, static_files
from monitoring.models import Heartbeat
from monitoring.worker import MISSING_AFTER, note_worker
from payments.gateway import GatewayAuthFailed, get_gateway
from tests.monitoring.brokers import broker
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

HANGS = 30  # seconds
ALL_WELL = {
    "database": "ok",
    "writes": "ok",
    "migrations": "ok",
    "broker": "ok",
    "gateway": "ok",
    "worker": "ok",
    "static": "ok",
}


@pytest.fixture(autouse=True)
def forgotten_answers(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxServer) -> None:
    """Clear the cached results, so that each test starts in a ready state."""
    current_app.conf.broker_transport_options  # noqa: B018 - creates the broker's folders, as the worker does
    note_worker()
    monkeypatch.setattr(readiness, "LIMIT", HANGS)  # a busy machine is slow
    monkeypatch.setattr(readiness, "_verdicts_of_second", readiness._verdicts_of_second.__wrapped__)


@pytest.fixture
def broken_database() -> Iterator[None]:
    with patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=DatabaseError("gone")):
        yield


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
def test_healthz_answers_200(client: Client, path: str) -> None:
    assert client.get(path).json() == {"status": "ok"}


def test_process_without_a_database_is_alive_but_not_ready(client: Client, broken_database: None) -> None:
    # A restart would not repair the database, but would interrupt refunds that wait for i'mport.
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failed")


@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_process_with_all_services_is_ready(client: Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": ALL_WELL})
    assert answer["Cache-Control"] == "no-store"


def _not_ready(client: Client) -> dict[str, str]:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    return {name: word for name, word in answer.json()["checks"].items() if word != "ok"}


@pytest.mark.parametrize("collected", [{}, {"storefront/base.css": "storefront/base.0123456789ab.css"}])
def test_files_that_were_not_collected_for_this_release_are_reported(
    client: Client, monkeypatch: pytest.MonkeyPatch, collected: dict[str, str]
) -> None:
    monkeypatch.setattr(static_files, "missing_file", static_files.missing_file.__wrapped__)
    storage = ManifestStaticFilesStorage()
    storage.hashed_files = collected
    monkeypatch.setattr(static_files, "staticfiles_storage", storage)

    assert _not_ready(client) == {"static": "missing"}

    storage.hashed_files = {name: name for name in static_files._used_files()}
    assert client.get("/readyz").status_code == 200


def test_missing_keys_are_reported(client: Client, settings: Settings) -> None:
    settings.IAMPORT_IMP_SECRET = ""

    assert _not_ready(client) == {"gateway": "missing"}


def test_refused_keys_are_reported_and_retried_once_a_minute(
    client: Client, settings: Settings, sandbox: SandboxServer
) -> None:
    settings.IAMPORT_IMP_SECRET = "wrong"
    with pytest.raises(GatewayAuthFailed):
        get_gateway().payment("imp_1")
    asked = sandbox.stats()

    assert _not_ready(client) == {"gateway": "refused"}

    assert sandbox.stats() == asked
    with patch("payments.gateway.iamport.client._ASK_AGAIN_AFTER", 0):
        _not_ready(client)
    assert sandbox.stats()["getToken"] == asked["getToken"] + 1


def test_process_is_ready_while_iamport_is_down(client: Client, settings: Settings, sandbox: SandboxServer) -> None:
    sandbox.fault("*", "http_500", times=None)

    assert client.get("/readyz").status_code == 200
    assert sandbox.stats() == {}


def test_missing_worker_is_reported_but_the_process_is_ready(client: Client) -> None:
    Heartbeat.objects.update(seen_at=timezone.now() - MISSING_AFTER)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"] == {**ALL_WELL, "worker": "missing"}


def test_unapplied_migrations_are_reported(client: Client) -> None:
    table = "DELETE FROM django_migrations WHERE app = 'monitoring'"
    kept = "INSERT INTO django_migrations (app, name, applied) VALUES ('monitoring', '0001_initial', CURRENT_TIMESTAMP)"
    with connection.cursor() as cursor:
        cursor.execute(table)
        try:
            assert _not_ready(client) == {"migrations": "pending"}
        finally:
            cursor.execute(kept)
    assert client.get("/readyz").status_code == 200


@pytest.mark.postgres
def test_a_database_that_takes_no_writes_is_reported(client: Client) -> None:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            assert _not_ready(client) == {"writes": "read_only"}
        finally:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def test_a_full_disk_is_reported(client: Client) -> None:
    with patch.object(Heartbeat.objects, "update_or_create", side_effect=OperationalError("disk is full")):
        assert _not_ready(client) == {"writes": "failed"}


def test_missing_broker_folder_is_reported(client: Client, tmp_path: Path) -> None:
    with broker(broker_transport_options={"data_folder_in": str(tmp_path / "gone")}):
        assert _not_ready(client) == {"broker": "failed"}


def test_readiness_check_connects_to_a_broker_service(client: Client) -> None:
    with broker(broker_transport_options={}, broker_write_url="amqp://guest:hidden@127.0.0.1:1//"):
        answer = client.get("/readyz")

    assert answer.json()["checks"]["broker"] == "failed"
    assert "hidden" not in answer.content.decode()
    assert "127.0.0.1" not in answer.content.decode()


@pytest.fixture
def hanging() -> Iterator[Callable[[], None]]:
    """Return a check that hangs until the test ends."""
    over = threading.Event()
    yield lambda: over.wait(HANGS) and None
    over.set()


def test_hanging_check_times_out(client: Client, hanging: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LIMIT", 1)
    monkeypatch.setitem(readiness._checks, "database", hanging)
    started = time.monotonic()

    assert _not_ready(client)["database"] == "timeout"

    assert time.monotonic() - started < HANGS


def test_burst_of_probes_runs_the_checks_once_a_second(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(readiness, "_verdicts_of_second", lru_cache(maxsize=1)(readiness._verdicts_of_second))
    monkeypatch.setattr(readiness, "time", SimpleNamespace(monotonic=lambda: 1.0))
    monkeypatch.setitem(readiness._checks, "broker", lambda: calls.append(1))

    assert {client.get("/readyz").status_code for _ in range(20)} == {200}

    assert calls == [1]


@pytest.mark.parametrize("path", ["/healthz", "/readyz/"])
def test_probe_by_ip_address_over_plain_http_is_answered(client: Client, settings: Settings, path: str) -> None:
    settings.ALLOWED_HOSTS = ["refunds.example"]
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "refunds.example"}).status_code == 301


def test_probe_writes_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    assert {client.post(path).status_code for path in ("/healthz", "/readyz", "/metrics")} == {405}
