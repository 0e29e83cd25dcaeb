"""Readiness checks by name, each with a time limit and a cache of one second."""

import logging
from collections.abc import Callable

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from monitoring.broker import ensure_broker_answers
from monitoring.time_limited import StartedCheck, TimeLimitedCheck

logger = logging.getLogger(__name__)

LIMIT = 3.0  # seconds for all checks, which run in parallel
FRESH_FOR = 1.0  # seconds; probes are public and must not let a client query the database and the broker in a loop

OK, FAILED, TIMEOUT = "ok", "failed", "timeout"


class NotReady(Exception):
    """A failed check: one stable, public word for the response, and a cause for the log."""

    def __init__(self, word: str, cause: str) -> None:
        super().__init__(cause)
        self.word = word


_checks: dict[str, TimeLimitedCheck[str]] = {}
_warnings: set[str] = set()


def register_check(name: str, check: Callable[[], None], *, is_warning: bool = False) -> None:
    """Have `/readyz` call `check`, which raises `NotReady` or any other exception if it fails.

    A failed check makes the process unready, unless it `is_warning`.
    """
    if is_warning:
        _warnings.add(name)

    def verdict() -> str:
        try:
            check()
        except NotReady as exc:
            if not is_warning:
                logger.warning("not ready: %s: %s", name, exc)
            return exc.word
        except Exception as exc:  # noqa: BLE001 - any exception means that the check failed
            logger.warning("not ready: %s: %s: %s", name, type(exc).__name__, exc)
            return FAILED
        return OK

    _checks[name] = TimeLimitedCheck(verdict, limit=LIMIT, fresh_for=FRESH_FOR)


def verdicts() -> dict[str, str]:
    """Run all checks in parallel and return each one's word, in at most `LIMIT` seconds."""
    started = {name: check.start() for name, check in _checks.items()}
    return {name: _word(name, one) for name, one in started.items()}


def is_ready(words: dict[str, str]) -> bool:
    """Return whether these `verdicts` let the process serve requests."""
    return all(word == OK for name, word in words.items() if name not in _warnings)


def _word(name: str, started: StartedCheck[str]) -> str:
    try:
        return started.answer()
    except TimeoutError:
        logger.warning("not ready: %s: no answer in time", name)
        return TIMEOUT


def _database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_migrated = False


def _migrations_are_applied() -> None:
    # Remember the result: applied migrations stay applied, and reading all of them is slow.
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            raise NotReady("pending", f"{len(missing)} migrations are not applied")
        _migrated = True


def register_own_checks() -> None:
    """Register the checks that need no other app."""
    register_check("database", _database_answers)
    register_check("migrations", _migrations_are_applied)
    register_check("broker", ensure_broker_answers)
