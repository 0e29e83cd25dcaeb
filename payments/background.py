"""A few threads that do soon what a request or command has noted, so that a lone web process needs no worker.

What is to be done is noted in the database; whatever is lost here, a periodic sweep finds there.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from django.db import connections
from django.utils import timezone

from core.request_ids import new_request_id

logger = logging.getLogger(__name__)

THREADS = 4
CAPACITY = 1_000  # keys remembered; the database remembers the others

Work = Callable[[Collection[str]], Iterable[tuple[str, datetime]]]


class BackgroundThreads:
    """Daemon threads that start when there is something to do and end when there is not.

    `work` gets up to `chunk` keys that are due, and returns those to look at again, and when. A key is never
    worked on twice at once. After a failure all of its keys are looked at again `retry_seconds` later, and a key
    that is to be looked at later anyway `again_seconds` after it is notified once more.
    """

    def __init__(
        self, work: Work, *, name: str, chunk: int, retry_seconds: float, again_seconds: float | None = None
    ) -> None:
        self._work = work
        self._name = name
        self._chunk = chunk
        self._retry_seconds = retry_seconds
        self._again_seconds = retry_seconds if again_seconds is None else again_seconds
        self.forget()

    def forget(self) -> None:
        """Start anew in a forked child: threads do not survive a fork, and one of them may have held the lock."""
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}  # when to look at a key, on the monotonic clock
        self._busy: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._waiting = 0

    def notify(self, key: str) -> None:
        """Have a key worked on now, or after `again_seconds` if it is to be looked at later anyway."""
        with self._changed:
            self._remember(key, self._again_seconds if key in self._due else 0)

    def finish(self, seconds: float) -> None:
        """Wait until everything that has begun or is due is done, but no longer than this: the process ends."""
        end = time.monotonic() + seconds
        with self._changed:
            while self._busy or self._due_keys():
                left = end - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _remember(self, key: str, seconds: float) -> None:
        if key not in self._due and len(self._due) >= CAPACITY:
            return
        due = time.monotonic() + seconds
        self._due[key] = min(due, self._due.get(key, due))
        self._wake_or_start()

    def _wake_or_start(self) -> None:
        if self._waiting:
            self._changed.notify_all()
            return
        if len(self._threads) >= THREADS:
            return
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left; the sweep does what is noted
            logger.exception("no thread could be started")
        else:
            self._threads.add(thread)

    def _run(self) -> None:
        while keys := self._take():
            again: dict[str, float]
            try:
                now = timezone.now()
                with new_request_id():
                    again = {key: (due - now).total_seconds() for key, due in self._work(keys)}
            except Exception:  # the thread must outlive it, and the work is still noted
                logger.exception("%s: %d keys could not be worked on", self._name, len(keys))
                again = dict.fromkeys(keys, self._retry_seconds)
            finally:
                connections.close_all()
            with self._changed:
                self._busy.difference_update(keys)
                for key, seconds in again.items():
                    self._remember(key, seconds)
                self._changed.notify_all()

    def _take(self) -> list[str]:
        """The keys that are due, after waiting for one; none when there is nothing left to wait for."""
        with self._changed:
            while self._due:
                due = self._due_keys()[: self._chunk]
                if due:
                    for key in due:
                        del self._due[key]
                    self._busy.update(due)
                    if self._due_keys():  # more than this thread takes
                        self._wake_or_start()
                    return due
                self._waiting += 1
                self._changed.wait(self._seconds_to_next())
                self._waiting -= 1
            self._threads.discard(threading.current_thread())
            return []

    def _due_keys(self) -> list[str]:
        now = time.monotonic()
        return [key for key, at in self._due.items() if at <= now and key not in self._busy]

    def _seconds_to_next(self) -> float | None:
        """Until the next key is due; None if another thread has to be done with all of them first."""
        free = [at for key, at in self._due.items() if key not in self._busy]
        return max(min(free) - time.monotonic(), 0) if free else None
