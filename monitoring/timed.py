"""Questions whose answer may never come: asked in a thread, waited for so long and no longer."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import connections

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Timed(Generic[Answer]):
    """`question` with a time limit and a short memory, both in seconds.

    While a question hangs it is not asked again, so however often somebody wants to know, one thread waits.
    """

    def __init__(self, question: Callable[[], Answer], *, limit: float, fresh_for: float) -> None:
        self._question = question
        self._limit = limit
        self._fresh_for = fresh_for
        self._guard = threading.Lock()
        self._asked: tuple[float, Future[Answer]] | None = None

    def ask(self) -> None:
        """Have the question asked, unless its last answer is fresh or still awaited. Returns at once."""
        now = time.monotonic()
        with self._guard:
            if self._asked is not None:
                asked_at, future = self._asked
                if not future.done() or now - asked_at < self._fresh_for:
                    return
            future = Future()
            self._asked = (now, future)
        # A daemon: a question that hangs must not keep the process from ending.
        threading.Thread(target=self._answer, args=(future,), name="monitoring", daemon=True).start()

    def answer(self) -> Answer:
        """The answer. Raises `TimeoutError` when the limit is over, or what the question raised."""
        self.ask()
        with self._guard:
            assert self._asked is not None  # noqa: S101 - asked just above
            asked_at, future = self._asked
        return future.result(max(0.0, asked_at + self._limit - time.monotonic()))

    def _answer(self, future: Future[Answer]) -> None:
        try:
            future.set_result(self._question())
        except Exception as exc:  # noqa: BLE001 - it is raised where the answer is wanted
            future.set_exception(exc)
        finally:
            connections.close_all()
