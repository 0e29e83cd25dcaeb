"""Run a check in a thread with a timeout and a short cache."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connections

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class StartedCheck(Generic[Answer]):
    """A running check. `at` is its start, `due` its deadline, both on the monotonic clock."""

    at: float
    due: float
    future: Future[Answer]

    def answer(self) -> Answer:
        """Wait for the result. Raises `TimeoutError` after the deadline, or the check's own exception."""
        return self.future.result(max(0.0, self.due - time.monotonic()))


class TimeLimitedCheck(Generic[Answer]):
    """A check with a time limit and a cache, both in seconds.

    A check that hangs is not started again, so it never occupies more than one thread.
    """

    def __init__(self, check: Callable[[], Answer], *, limit: float, fresh_for: float) -> None:
        self._check = check
        self._limit = limit
        self._fresh_for = fresh_for
        self._guard = threading.Lock()
        self._started: StartedCheck[Answer] | None = None

    def start(self) -> StartedCheck[Answer]:
        """Start the check, unless its last result is fresh or it is still running. Return without waiting."""
        now = time.monotonic()
        with self._guard:
            started = self._started
            if started is not None and (not started.future.done() or now - started.at < self._fresh_for):
                return started
            started = self._started = StartedCheck(now, now + self._limit, Future())
        # A daemon thread: a check that hangs must not keep the process alive.
        threading.Thread(target=self._run, args=(started.future,), name="monitoring", daemon=True).start()
        return started

    def _run(self, future: Future[Answer]) -> None:
        try:
            future.set_result(self._check())
        except Exception as exc:  # noqa: BLE001 - `answer` raises it
            future.set_exception(exc)
        finally:
            connections.close_all()
