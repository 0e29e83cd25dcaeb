"""Refund the orders of open batches: one after the other here, or BULK_CONCURRENCY at a time in threads of a worker.

A run takes the open batches in turn, so that a small one need not wait for a large one. It claims a few orders more
than it has threads, so that no thread waits for a claim. After a kill, another run continues at once with the orders
that were not claimed, and with the others when their claims are over.
"""

import threading
import time
from collections.abc import Callable, Container
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from math import ceil
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from refunds.batches.claims import claim, free_items, give_back, open_batches, show_life
from refunds.batches.execute import Turn, execute, requester_of
from refunds.batches.finish import finish_batches
from refunds.batches.pace import seconds_until_turn
from refunds.batches.pauses import Outage, pause_itself
from refunds.batches.words import GATEWAY_DOWN
from refunds.models import RefundBatchItem

SIGN_OF_LIFE = 1.0  # seconds between two
WAKE_AGAIN = 10.0  # seconds between two calls for more workers
# One thread writes at a time, and of many more some would wait for so long that SQLite gives up.
MOST_ON_SQLITE = 16

_running = threading.Lock()


def run(*, batch_id: int) -> None:
    """Refund the free orders of a batch in this thread. Raises nothing for an order that is not refunded.

    Somebody waits: an order that cannot be sent is refused, as it is outside of a batch.
    """
    show_life([batch_id])
    while items := claim(batch_id=batch_id, count=1):
        execute(items[0], requester_of(items[0].batch), attempts=1)
    finish_batches()


def run_open_batches(
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    wake_another: Callable[[], None] = lambda: None,
    only: int | None = None,
) -> bool:
    """Refund the free orders of all open batches, BULK_CONCURRENCY at a time, until `is_stopping`.

    `only` is the id of the one batch to take orders of.

    Does nothing if this process is at it already: that run takes new batches as well. Raises nothing for an order
    that is not refunded. Calls `wake_another` at once and now and then while there is more to do than this process
    has taken. Returns False if this process was at it already, and an idle one could join.
    """
    is_busy = False
    # Look again after each run: a batch may have come just before the lock was released.
    chosen = Q() if only is None else Q(batch=only)
    while not is_stopping() and free_items().filter(chosen).exists():
        if is_busy := not _running.acquire(blocking=False):
            break
        try:
            _Run(is_stopping, wake_another, only).work()
        finally:
            _running.release()
    finish_batches()
    return not is_busy


class _Run:
    """This thread claims orders, and the threads of a pool refund them."""

    def __init__(self, is_stopping: Callable[[], bool], wake_another: Callable[[], None], only: int | None) -> None:
        self._is_stopping = is_stopping
        self._wake_another = wake_another
        self._only = only
        self._threads: int = settings.BULK_CONCURRENCY
        if connection.vendor == "sqlite":
            self._threads = min(self._threads, MOST_ON_SQLITE)
        # With a limit per second an order begins when it is claimed.
        self._ahead = 0 if settings.BULK_RATE else self._threads // 2
        self._under_way: dict[Future[Turn], RefundBatchItem] = {}
        self._done = SimpleQueue[Future[Turn]]()
        self._connections: list[BaseDatabaseWrapper] = []
        self._last_batch = 0
        self._looked_at = self._woken_at = float("-inf")
        self._next_turn: float | None = None  # taken and not used yet, if there is a limit per second
        self._outage = Outage()

    def work(self) -> None:
        try:
            with ThreadPoolExecutor(self._threads, "bulk", self._note_connection) as pool:
                try:
                    while not self._is_stopping():
                        self._start_more(pool)
                        if not self._under_way and not self._seconds_to_wait():
                            break
                        self._await_one()
                finally:
                    self._give_back()
                while self._under_way:
                    self._await_one()
        finally:
            self._close_connections()

    def _start_more(self, pool: ThreadPoolExecutor) -> None:
        """Claim orders once all that are claimed have a thread, unless i'mport is down or it is not our turn."""
        while (missing := self._threads + self._ahead - len(self._under_way)) >= max(1, self._ahead):
            if settings.BULK_RATE and self._next_turn is None:
                self._next_turn = time.monotonic() + seconds_until_turn()
            if self._seconds_to_wait():
                break
            wanted = 1 if settings.BULK_RATE else missing
            if self._start(pool, wanted) < wanted:
                break
            self._next_turn = None
            if time.monotonic() - self._woken_at >= WAKE_AGAIN:
                self._wake_another()
                self._woken_at = time.monotonic()

    def _seconds_to_wait(self) -> float:
        """Return the seconds for which no order may begin."""
        until_turn = 0.0 if self._next_turn is None else self._next_turn - time.monotonic()
        return max(0.0, until_turn, self._outage.seconds_left)

    def _start(self, pool: ThreadPoolExecutor, wanted: int) -> int:
        """Claim up to so many orders, equally many of each open batch. Return how many there were."""
        batches = [pk for pk in open_batches().values_list("pk", flat=True) if self._only in (None, pk)]
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
        if time.monotonic() - self._looked_at >= SIGN_OF_LIFE:
            self._look_around()
        try:
            future = self._done.get(timeout=min(SIGN_OF_LIFE, self._seconds_to_wait() or SIGN_OF_LIFE))
        except Empty:
            return
        if item := self._under_way.pop(future, None):
            self._note_turn(item, future.result())

    def _look_around(self) -> None:
        """Show life, and give back the orders of batches that were paused or stopped."""
        at_work = {item.batch_id for item in self._under_way.values()}
        show_life(at_work)
        halted = at_work.difference(open_batches().values_list("pk", flat=True))
        if halted:
            self._give_back(halted)
            finish_batches()
        self._looked_at = time.monotonic()

    def _note_turn(self, item: RefundBatchItem, turn: Turn) -> None:
        """Let the orders rest if i'mport cannot be reached, and pause the batch if it cannot for long."""
        if turn.reached:
            self._outage.note_reached()
        elif turn.not_sent:
            self._give_back()
            if self._outage.note_not_sent():
                pause_itself(item.batch_id, GATEWAY_DOWN, message=turn.not_sent)

    def _give_back(self, batches: Container[int] | None = None) -> None:
        """Free the orders, all or those of these batches, that no thread has begun."""
        chosen = [future for future, item in self._under_way.items() if batches is None or item.batch_id in batches]
        not_begun = [future for future in chosen if future.cancel()]
        give_back(self._under_way.pop(future) for future in not_begun)

    def _note_connection(self) -> None:
        """Remember this thread's database connection: a pool has no hook at the end of a thread."""
        self._connections.append(connections["default"])

    def _close_connections(self) -> None:
        for opened in self._connections:
            opened.inc_thread_sharing()
            opened.close()
