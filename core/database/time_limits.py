"""End a PostgreSQL call that gets no answer: a suspended server keeps its connections open, and libpq waits for ever.

- The server ends statements and waits for locks that take too long (`statement_timeout`, `lock_timeout`).
- If the server itself is silent, we stop waiting `GRACE` seconds later, and psycopg2 closes the connection. While it
  stays silent, each further call is given up after `AFTER_SILENCE` seconds, so that threads do not pile up.

Migrations have no limits: building an index takes as long as it takes.
"""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any

import psycopg2
from django.apps import AppConfig
from django.conf import settings
from django.db import connection as default_connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate
from psycopg2 import extensions

GRACE = 2.0  # seconds
AFTER_SILENCE = 2.0  # seconds
_REMEMBERED = 30.0  # seconds after which a silence is forgotten

_MASKS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}
_CONNECTED = (extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED)
# Of the pooler pgbouncer we know another process id. There, a SET would stay on a server connection that other clients
# use next.
_SET = """SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)
WHERE pg_backend_pid() = %s"""

_deadline: ContextVar[float] = ContextVar("deadline", default=inf)
_silent_at = -inf
_seems_silent = False
_are_suspended = False


def limit_waiting(app: AppConfig) -> None:
    """Install the limits for every connection of this process. `app` is one whose migrations signal all others'."""
    if default_connection.vendor != "postgresql":
        return
    extensions.set_wait_callback(_wait)
    connection_created.connect(_set_limits)
    pre_migrate.connect(_suspend_limits, sender=app)
    post_migrate.connect(_resume_limits, sender=app)


@contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Give the database so long for the whole block: somebody waits for what we know already."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def seems_silent() -> bool:
    """Return whether a call has waited for `AFTER_SILENCE` seconds, and no call of this process had an answer since."""
    return _seems_silent


def _wait(connection: Any) -> None:
    """Wait until psycopg2's call is done, like libpq itself, but not for longer than the limit without a byte."""
    global _silent_at, _seems_silent
    poll, polled_fd = select.poll(), None
    while (state := connection.poll()) != extensions.POLL_OK:
        if polled_fd not in (None, connection.fileno()):  # connecting tries several addresses
            poll.unregister(polled_fd)
        polled_fd = connection.fileno()
        poll.register(polled_fd, _MASKS[state])
        limit = _limit(connection)
        at_first = min(limit, AFTER_SILENCE)
        if poll.poll(at_first * 1000):
            continue
        _seems_silent = True
        if not poll.poll(None if limit == inf else (limit - at_first) * 1000):
            _silent_at = time.monotonic()
            raise psycopg2.OperationalError(f"the database has not answered for {limit:.1f} seconds")
    _silent_at, _seems_silent = -inf, False


def _limit(connection: Any) -> float:
    """Return the seconds to wait for the next byte."""
    now = time.monotonic()
    left = max(0.0, _deadline.get() - now)
    database: Any = settings.DATABASES["default"]
    if connection.status not in _CONNECTED:
        limit = float(database["OPTIONS"]["connect_timeout"])
    elif database["LIMITS"]["statement_timeout"] and not _are_suspended:
        limit = database["LIMITS"]["statement_timeout"] / 1000 + GRACE
    else:
        limit = inf
    if now - _silent_at < _REMEMBERED:
        limit = min(limit, AFTER_SILENCE)
    return min(limit, left)


def _set_limits(connection: BaseDatabaseWrapper, **_more: Any) -> None:
    if connection.vendor == "postgresql":
        _execute_set(connection, settings.DATABASES["default"]["LIMITS"])


def _suspend_limits(**_more: Any) -> None:
    global _are_suspended
    _are_suspended = True
    _execute_set(default_connection, dict.fromkeys(settings.DATABASES["default"]["LIMITS"], 0))


def _resume_limits(**_more: Any) -> None:
    global _are_suspended
    _are_suspended = False
    _execute_set(default_connection, settings.DATABASES["default"]["LIMITS"])


def _execute_set(connection: BaseDatabaseWrapper, limits: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        values = [str(limits[name]) for name in ("statement_timeout", "lock_timeout")]
        cursor.execute(_SET, [*values, connection.connection.info.backend_pid])
