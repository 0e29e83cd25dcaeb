"""Questions whose answer may never come: asked in a thread, waited for so long and no longer."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connections

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Answer]):
    """A question that was asked, and by when its answer is due; both times on the monotonic clock."""

    at: float
    due: float
    future: Future[Answer]

    def answer(self) -> Answer:
        """The answer. Raises `TimeoutError` when it is due and not there, or what the question raised."""
        return self.future.result(max(0.0, self.due - time.monotonic()))


class Timed(Generic[Answer]):
    """`question` with a time limit and a short memory, both in seconds.

    While a question hangs it is not asked again, so however often somebody wants to know, one thread waits.
    """

    def __init__(self, question: Callable[[], Answer], *, limit: float, fresh_for: float) -> None:
        self._question = question
        self._limit = limit
        self._fresh_for = fresh_for
        self._guard = threading.Lock()
        self._asked: Asked[Answer] | None = None

    def ask(self) -> Asked[Answer]:
        """Have the question asked, unless its last answer is fresh or still awaited. Returns at once."""
        now = time.monotonic()
        with self._guard:
            asked = self._asked
            if asked is not None and (not asked.future.done() or now - asked.at < self._fresh_for):
                return asked
            asked = self._asked = Asked(now, now + self._limit, Future())
        # A daemon: a question that hangs must not keep the process from ending.
        threading.Thread(target=self._find_out, args=(asked.future,), name="monitoring", daemon=True).start()
        return asked

    def _find_out(self, future: Future[Answer]) -> None:
        try:
            future.set_result(self._question())
        except Exception as exc:  # noqa: BLE001 - it is raised where the answer is wanted
            future.set_exception(exc)
        finally:
            connections.close_all()
