"""Whether this process can do its work: checks by name, each with a time limit and a memory of a second."""

import logging
from collections.abc import Callable

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from monitoring.broker import ensure_broker_answers
from monitoring.time_limited import StartedCheck, TimeLimitedCheck

logger = logging.getLogger(__name__)

LIMIT = 3.0  # seconds for all checks, which run at once
FRESH_FOR = 1.0  # seconds; a probe is public, and must not become a way to ask the database and the broker in a loop

OK, FAILED, TIMEOUT = "ok", "failed", "timeout"


class NotReady(Exception):
    """A check's verdict in one stable word, which strangers may read; the cause goes to the log."""

    def __init__(self, word: str, cause: str) -> None:
        super().__init__(cause)
        self.word = word


_checks: dict[str, TimeLimitedCheck[str]] = {}


def register_check(name: str, check: Callable[[], None]) -> None:
    """Have `readyz` ask `check`: it returns if all is well, and raises `NotReady`, or anything, if not."""

    def verdict() -> str:
        try:
            check()
        except NotReady as exc:
            logger.warning("not ready: %s: %s", name, exc)
            return exc.word
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is this check's answer
            logger.warning("not ready: %s: %s: %s", name, type(exc).__name__, exc)
            return FAILED
        return OK

    _checks[name] = TimeLimitedCheck(verdict, limit=LIMIT, fresh_for=FRESH_FOR)


def verdicts() -> dict[str, str]:
    """Each check's word, in at most `LIMIT` seconds."""
    started = {name: check.start() for name, check in _checks.items()}
    return {name: _word(name, one) for name, one in started.items()}


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
    # What was applied once stays applied, and reading all migrations again takes a while.
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            raise NotReady("pending", f"{len(missing)} migrations are not applied")
        _migrated = True


def register_own_checks() -> None:
    """The checks that no app of ours is needed for."""
    register_check("database", _database_answers)
    register_check("migrations", _migrations_are_applied)
    register_check("broker", ensure_broker_answers)
