"""Thousands of random requests to a live server: no errors, no leaks, and no refunds of other people's orders.

JUNK_REQUESTS sets their number, JUNK_SEED their content; `make junk` sends many on both databases.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from pytest_django import Settings

from chaos.comparison import doubled
from chaos.world import WebServer
from refunds.models import RefundRecord
from refunds.permissions import may_refund_any
from tests.endpoints import endpoints
from tests.entry_points import run_command
from tests.proof.junk import API, Answer, Factory, Junk, send
from tests.proof.junk_data import World, make_world
from tests.proof.own_postgres import free_port
from tests.proof.test_kill import all_agree, let_leases_end
from tests.sandbox_server import SandboxServer

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = int(os.environ.get("JUNK_REQUESTS") or 600)
SEED = int(os.environ.get("JUNK_SEED") or 1)
SENDERS = 8
PARTS = 5
MAY_GROW_MIB = 40
SHOWN = 15  # number of findings shown

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(3_600),
    # One database is enough, and PostgreSQL is the stricter one; `make junk` runs both.
    pytest.mark.skipif(
        connection.vendor == "sqlite" and "JUNK_REQUESTS" not in os.environ,
        reason="runs on PostgreSQL, or by make junk",
    ),
]

# Internals of the program, which no response may show.
INSIDES = re.compile(
    rb"Traceback \(most recent|File \"/|/site-packages/|django\.db\.utils|psycopg2|sqlite3\.|DoesNotExist"
    rb"|SELECT .{1,80} FROM|INSERT INTO|settings\.py|DJANGO_SETTINGS|" + re.escape(str(ROOT).encode())
)
# The only allowed codes with a status above 499: another service is unavailable, or the refund's outcome.
EXPECTED = {
    503: {"busy", "gateway_unavailable", "refund_not_carried_out", "database_unavailable", "too_many_waiting"},
    504: {"outcome_unknown"},
}
# gunicorn's own: an unsupported transfer coding or HTTP version.
OF_THE_SERVER = {400, 403, 405, 408, 413, 414, 417, 431, 501, 505}
LOG_ENTRY = re.compile(r"^\[?20\d\d-\d\d-\d\d[ T]", re.MULTILINE)
# Django logs a wrong Host, too many fields, or a lookup that is not allowed.
ALLOWED_ERRORS = re.compile(r" ERROR django\.security\.\w+ ")

# As in production, but without rate limits and lock-out: the subject is the responses.
PRODUCTION = {
    "ALLOWED_HOSTS": "127.0.0.1",
    "IAMPORT_CONTRACTS": "vbank_refund",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "line",
    "METRICS_TOKEN": "zqxvictim-metrics",
    "LOGIN_ADDRESS_LIMIT": "1000000",
    **{f"API_RATE_{whose}": "0" for whose in ("TOKEN", "USER", "REFUND", "ADDRESS")},
}


@dataclass
class Run:
    """The findings, as sentences."""

    factory: Factory
    world: World
    port: int
    findings: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, number: int) -> None:
        junk = self.factory.make(number)
        try:
            answer = send(junk, self.port)
            found = list(judge(junk, answer, self.world))
        except OSError as exc:
            answer, found = None, [f"no answer: {exc!r}"]
        with self._lock:
            self.statuses[str(answer.status) if answer else "none"] += 1
            self.findings += [f"#{number} {junk.role.name}: {one}: {junk.raw[:300]!r}" for one in found]


def judge(junk: Junk, answer: Answer | None, world: World) -> Iterator[str]:
    """Yield what is wrong with this response, as sentences."""
    if answer is None:
        if not (junk.malformed or junk.aborted or len(junk.raw) > 60_000):
            yield "closed without an answer"
        return
    yield from _judge_content(junk, answer, world)
    if answer.is_html_of_the_server:
        if answer.status not in OF_THE_SERVER:
            yield f"the server fails with {answer.status}"
        return
    yield from _judge_status(junk, answer)


def _judge_content(junk: Junk, answer: Answer, world: World) -> Iterator[str]:
    if found := INSIDES.search(answer.body):
        yield f"shows its insides: {found[0]!r}"
    # A response may contain what the sender sent.
    known = junk.raw + unquote_to_bytes(junk.target)
    for marker in () if junk.role.sees_all else world.markers:
        if marker in answer.head + answer.body and marker not in known:
            yield f"shows the victim's {marker.decode()}"


def _judge_status(junk: Junk, answer: Answer) -> Iterator[str]:
    path = unquote_to_bytes(junk.target.partition(b"?")[0]).decode(errors="replace")
    code = ""
    if path.startswith(API) and answer.status >= 400 and junk.method != "HEAD":
        try:
            document = json.loads(answer.body)
            code = document["code"]
            assert isinstance(document["message"], str)
            assert document["message"]
            assert re.fullmatch("[a-z_]+", code)
        except (ValueError, KeyError, TypeError, AssertionError):
            yield f"{answer.status} is not in the API's shape: {answer.body[:200]!r}"
    if answer.status >= 500 and code not in EXPECTED.get(answer.status, ()):
        yield f"fails with {answer.status} {code}"


@pytest.fixture
def static_files(tmp_path: Path) -> Path:
    """Collect the static files with hashed names, as in production, but not compressed."""
    hashed = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
    with override_settings(STATIC_ROOT=tmp_path / "static", STORAGES=django_settings.STORAGES | hashed):
        call_command("collectstatic", "--noinput", "--verbosity", "0")
    return tmp_path


def resident_mib(server: WebServer) -> float:
    """Return the memory of the worker process: the master's only child."""
    assert server._process is not None
    master = server._process.pid
    worker = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()[0]
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


def wrong_entries(log: str) -> list[str]:
    """Return the unexpected log entries with an error or a traceback."""
    starts = [found.start() for found in LOG_ENTRY.finditer(log)]
    entries = [log[start:end] for start, end in zip(starts, [*starts[1:], len(log)], strict=True)]
    bad = [one for one in entries if re.search(r" (ERROR|CRITICAL) |\[(ERROR|CRITICAL)\]", one.partition("\n")[0])]
    return [one for one in bad if not ALLOWED_ERRORS.search(one)]


def test_random_requests_cause_no_errors_leaks_or_foreign_refunds(
    sandbox: SandboxServer,
    settings: Settings,
    static_files: Path,
    tmp_path: Path,
    child_environment: Callable[..., dict[str, str]],
) -> None:
    settings.IAMPORT_CONTRACTS = frozenset({"vbank_refund"})
    world = make_world(sandbox)
    before = world.victims_state()
    environment = child_environment(**PRODUCTION, VAR_DIR=str(static_files))
    port = free_port()
    server = WebServer(environment, port, tmp_path / "server.log")
    server.start()
    try:
        run = Run(Factory(seed=SEED, endpoints=endpoints(), roles=world.roles), world, port)
        memory = []
        with ThreadPoolExecutor(SENDERS) as senders:
            for part in range(PARTS):  # after the first part all caches are filled
                list(senders.map(run.play, range(REQUESTS * part // PARTS, REQUESTS * (part + 1) // PARTS)))
                memory.append(resident_mib(server))
        sys.stdout.write(f"{REQUESTS} requests: {dict(sorted(run.statuses.items()))}\n")
        sys.stdout.write(f"memory after each part of {PARTS}: {', '.join(f'{mib:.0f} MiB' for mib in memory)}\n")
        wrong = [
            *run.findings[:SHOWN],
            *wrong_entries(server.log.read_text(encoding="utf-8", errors="replace"))[:SHOWN],
        ]
        assert not wrong, "\n".join(wrong)
        assert memory[-1] - memory[0] < MAY_GROW_MIB
        assert world.still_signed_in(server.url) == world.signed_in
    finally:
        server.kill()

    let_leases_end(settings)
    assert run_command("reconcile")[0] == 0
    assert world.victims_state() == before
    assert all_agree(sandbox)
    assert doubled(sandbox.payment(payment.imp_uid) for payment in world.payments()) == []
    assert _asked_by_others(world.owners) == []


def _asked_by_others(owners: Mapping[int, int | None]) -> list[str]:
    """Return the refunds whose requester neither owned the order nor may refund any."""
    records = RefundRecord.objects.exclude(requested_by=None).select_related("payment", "requested_by")
    return [
        f"{record.number}: {record.requested_by}"
        for record in records
        if owners[record.payment_id] != record.requested_by_id and not may_refund_any(record.requested_by)
    ]
