"""Readiness checks by name. They run in parallel, with a time limit, at most once a second."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache, partial

from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from core.database.outage import ReadOnlyDatabase, ensure_writable
from monitoring.broker import waiting_messages
from monitoring.models import Heartbeat

logger = logging.getLogger(__name__)

LIMIT = 3.0  # seconds for all checks

OK, FAILED, TIMEOUT = "ok", "failed", "timeout"

# Checks that hang occupy these threads and no more.
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="readiness")


class NotReady(Exception):
    """A failed check: one stable, public word for the response, and a cause for the log."""

    def __init__(self, word: str, cause: str) -> None:
        super().__init__(cause)
        self.word = word


_checks: dict[str, Callable[[], object]] = {}
_warnings: set[str] = set()


def register_check(name: str, check: Callable[[], object], *, is_warning: bool = False) -> None:
    """Add `check` to `/readyz`; it raises `NotReady` or any other exception if it fails.

    A failed check makes the process unready, unless it `is_warning`.
    """
    _checks[name] = check
    if is_warning:
        _warnings.add(name)


def verdicts() -> dict[str, str]:
    """Run all checks and return each one's word, in at most `LIMIT` seconds."""
    return _verdicts_of_second(int(time.monotonic()))


def is_ready(words: dict[str, str]) -> bool:
    """Return whether these `verdicts` let the process serve requests."""
    return all(word == OK for name, word in words.items() if name not in _warnings)


@lru_cache(maxsize=1)
def _verdicts_of_second(_second: int) -> dict[str, str]:
    # Probes are public and must not let a client query the database and the broker in a loop.
    running = {name: _pool.submit(partial(_verdict, name)) for name in _checks}
    wait(running.values(), timeout=LIMIT)
    return {name: _word(name, future) for name, future in running.items()}


def _verdict(name: str) -> str:
    try:
        _checks[name]()
    except NotReady as exc:
        if name not in _warnings:
            logger.warning("not ready: %s: %s", name, exc)
        return exc.word
    except Exception as exc:  # noqa: BLE001 - any exception means that the check failed
        logger.warning("not ready: %s: %s: %s", name, type(exc).__name__, exc)
        return FAILED
    finally:
        connections.close_all()
    return OK


def _word(name: str, future: Future[str]) -> str:
    if future.done():
        return future.result()
    future.cancel()
    logger.warning("not ready: %s: no answer in time", name)
    return TIMEOUT


def _database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _database_takes_writes() -> None:
    """Commit a row: a standby answers queries too, and a full disk shows at the commit only."""
    try:
        ensure_writable()
    except ReadOnlyDatabase as exc:
        raise NotReady("read_only", str(exc)) from exc
    Heartbeat.objects.update_or_create(pk="readiness", defaults={"seen_at": timezone.now()})


def _migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady("pending", f"{len(missing)} migrations are not applied")


register_check("database", _database_answers)
register_check("writes", _database_takes_writes)
register_check("migrations", _migrations_are_applied)
register_check("broker", waiting_messages)
