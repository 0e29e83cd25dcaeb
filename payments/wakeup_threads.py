"""A few threads that read i'mport after a notification was answered, so that a lone web process needs no worker.

What is to be read is noted in the database; whatever is lost here, the periodic sweep finds there.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from django.db import connections
from django.utils import timezone

from monitoring.request_ids import new_request_id
from payments.wakeups import BACK_OFF, CHUNK, read_due

logger = logging.getLogger(__name__)

THREADS = 4
CAPACITY = 1_000  # payments remembered; the database remembers the others
_RETRY_SECONDS = BACK_OFF[0].total_seconds()

Work = Callable[[Collection[str]], Iterable[tuple[str, datetime]]]


class ReadingThreads:
    """Daemon threads that start when there is something to read and end when there is not."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}  # when to look at a payment, on the monotonic clock
        self._threads: set[threading.Thread] = set()
        self._waiting = 0

    def notify(self, imp_uid: str) -> None:
        """Have a payment read now; one that is to be looked at later anyway is looked at within a minute."""
        with self._changed:
            known = imp_uid in self._due
            self._remember(imp_uid, _RETRY_SECONDS if known else 0)

    def _remember(self, imp_uid: str, seconds: float) -> None:
        if imp_uid not in self._due and len(self._due) >= CAPACITY:
            return
        due = time.monotonic() + seconds
        self._due[imp_uid] = min(due, self._due.get(imp_uid, due))
        if self._waiting:
            self._changed.notify()
        elif len(self._threads) < THREADS:
            self._start_thread()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="iamport-reading", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left; the sweep reads what is noted
            logger.exception("no thread could be started")
        else:
            self._threads.add(thread)

    def _run(self) -> None:
        while imp_uids := self._take():
            again: dict[str, float]
            try:
                now = timezone.now()
                with new_request_id():
                    again = {imp_uid: (due - now).total_seconds() for imp_uid, due in self._work(imp_uids)}
            except Exception:  # the thread must outlive it, and the payments are still noted
                logger.exception("%d notified payments could not be read", len(imp_uids))
                again = dict.fromkeys(imp_uids, _RETRY_SECONDS)
            finally:
                connections.close_all()
            with self._changed:
                for imp_uid, seconds in again.items():
                    self._remember(imp_uid, seconds)

    def _take(self) -> list[str]:
        """The payments that are due, after waiting for one; none when there is nothing left to wait for."""
        with self._changed:
            while self._due:
                now = time.monotonic()
                due = [imp_uid for imp_uid, at in self._due.items() if at <= now][:CHUNK]
                if due:
                    for imp_uid in due:
                        del self._due[imp_uid]
                    return due
                self._waiting += 1
                self._changed.wait(min(self._due.values()) - now)
                self._waiting -= 1
            self._threads.discard(threading.current_thread())
            return []


def _read(imp_uids: Collection[str]) -> Iterable[tuple[str, datetime]]:
    return read_due(imp_uids=imp_uids)


_readings = ReadingThreads(_read)


def read_soon(imp_uid: str) -> None:
    """Have a noted payment read by a thread of this process, now and again until it is done."""
    _readings.notify(imp_uid)


def _forget_in_child() -> None:
    # Threads do not survive a fork, and the lock may have been held by one of them.
    global _readings
    _readings = ReadingThreads(_read)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
