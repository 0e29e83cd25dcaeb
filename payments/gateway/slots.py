"""Limit the calls to i'mport that one web process makes at a time.

i'mport can be slow for a minute. If every thread of a process waited for it, nobody could sign in, look at an order or
reach a probe. So only some threads may call; whoever finds no free slot is told at once. Commands and the worker serve
no pages and have no limit.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.sentences import sentence as _
from payments.gateway.errors import GatewayBusy

THREADS_FOR_PAGES = 4
SLOTS_FOR_STAFF = 1

_lock = threading.Lock()
_limit: int | None = None
_taken = 0
_holds_slot: ContextVar[bool] = ContextVar("holds_slot", default=False)


def limit_calls(threads: int) -> None:
    """Leave `THREADS_FOR_PAGES` of this process's request threads free of calls, and at least one for calls."""
    global _limit
    _limit = max(1, threads - THREADS_FOR_PAGES)


def serves_pages() -> bool:
    """Return whether this is a web process, whose calls are limited."""
    return _limit is not None


@contextmanager
def call_slot(*, for_staff: bool = True) -> Iterator[None]:
    """Hold a slot for all calls of the block; a slot that the caller holds already serves.

    The last slot is for staff only, unless it is the only one. Raises `GatewayBusy`; nothing was sent then.
    """
    if _holds_slot.get():
        yield
        return
    _take(for_staff)
    token = _holds_slot.set(True)
    try:
        yield
    finally:
        _holds_slot.reset(token)
        _give_back()


def _take(for_staff: bool) -> None:
    global _taken
    with _lock:
        if _limit is not None and _taken >= (_limit if for_staff else max(1, _limit - SLOTS_FOR_STAFF)):
            raise GatewayBusy(_("Too many requests are waiting for i'mport. Nothing was sent; try again in a moment."))
        _taken += 1


def _give_back() -> None:
    global _taken
    with _lock:
        _taken -= 1
