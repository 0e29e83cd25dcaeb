"""Refund the orders of open batches: one after the other here, or BULK_CONCURRENCY at a time in threads of a worker.

A run takes the open batches in turn, so that a small one need not wait for a large one. It claims a few orders more
than it has threads, so that no thread waits for a claim. After a kill, another run continues at once with the orders
that were not claimed, and with the others when their claims are over.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from math import ceil
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from refunds.batches.claims import claim, free_items, give_back, open_batches, show_life
from refunds.batches.execute import execute, requester_of
from refunds.batches.finish import finish_batches
from refunds.models import RefundBatchItem

SIGN_OF_LIFE = 1.0  # seconds between two
# One thread writes at a time, and of many more some would wait for so long that SQLite gives up.
MOST_ON_SQLITE = 16

_running = threading.Lock()


def run(*, batch_id: int) -> None:
    """Refund the free orders of a batch in this thread. Raises nothing for an order that is not refunded."""
    show_life([batch_id])
    while items := claim(batch_id=batch_id, count=1):
        execute(items[0], requester_of(items[0].batch))
    finish_batches()


def run_open_batches(*, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Refund the free orders of all open batches, BULK_CONCURRENCY at a time, until `is_stopping`.

    Does nothing if this process is at it already: that run takes new batches as well. Raises nothing for an order
    that is not refunded.
    """
    # Look again after each run: a batch may have come just before the lock was released.
    while not is_stopping() and free_items().exists() and _running.acquire(blocking=False):
        try:
            _Run(is_stopping).work()
        finally:
            _running.release()
    finish_batches()


class _Run:
    """This thread claims orders, and the threads of a pool refund them."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self._threads: int = settings.BULK_CONCURRENCY
        if connection.vendor == "sqlite":
            self._threads = min(self._threads, MOST_ON_SQLITE)
        self._ahead = self._threads // 2
        self._under_way: dict[Future[None], RefundBatchItem] = {}
        self._done = SimpleQueue[Future[None]]()
        self._connections: list[BaseDatabaseWrapper] = []
        self._last_batch = 0
        self._life_shown_at = 0.0

    def work(self) -> None:
        try:
            with ThreadPoolExecutor(self._threads, "bulk", self._note_connection) as pool:
                try:
                    while not self._is_stopping():
                        self._start_more(pool)
                        if not self._under_way:
                            break
                        self._await_one()
                finally:
                    self._give_back()
                while self._under_way:
                    self._await_one()
        finally:
            self._close_connections()

    def _start_more(self, pool: ThreadPoolExecutor) -> None:
        """Claim orders once all that are claimed have a thread."""
        while (missing := self._threads + self._ahead - len(self._under_way)) >= max(1, self._ahead):
            if not self._start(pool, missing):
                break

    def _start(self, pool: ThreadPoolExecutor, wanted: int) -> int:
        """Claim up to so many orders, equally many of each open batch. Return how many there were."""
        batches = list(open_batches().values_list("pk", flat=True))
        batches.sort(key=lambda pk: pk <= self._last_batch)  # go on after the last one
        started = 0
        for turn, batch_id in enumerate(batches):
            items = claim(batch_id=batch_id, count=ceil((wanted - started) / (len(batches) - turn)))
            if not items:
                finish_batches()
                continue
            self._last_batch = batch_id
            requester = requester_of(items[0].batch)
            for item in items:
                future = pool.submit(copy_context().run, execute, item, requester)
                self._under_way[future] = item
                future.add_done_callback(self._done.put)
            started += len(items)
            if started == wanted:
                break
        return started

    def _await_one(self) -> None:
        """Wait until an order is done, but not for long. Raises the database error of one that has no outcome."""
        if time.monotonic() - self._life_shown_at >= SIGN_OF_LIFE:
            show_life(list({item.batch_id for item in self._under_way.values()}))
            self._life_shown_at = time.monotonic()
        try:
            future = self._done.get(timeout=SIGN_OF_LIFE)
        except Empty:
            return
        if self._under_way.pop(future, None):
            future.result()

    def _give_back(self) -> None:
        """Free the orders that no thread has begun."""
        not_begun = [future for future in self._under_way if future.cancel()]
        give_back(self._under_way.pop(future) for future in not_begun)

    def _note_connection(self) -> None:
        """Remember this thread's database connection: a pool has no hook at the end of a thread."""
        self._connections.append(connections["default"])

    def _close_connections(self) -> None:
        for opened in self._connections:
            opened.inc_thread_sharing()
            opened.close()
