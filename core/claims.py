"""One process at a time: a claim on a row of work, made and renewed by guarded updates of its `claimed_at`.

A claim that was not renewed for REFUND_LEASE_SECONDS belongs to a process that is gone.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from core import clock

# One call to i'mport may take longer than this, so it does not prove that the process is gone.
STALLED_AFTER = timedelta(seconds=15)


class Progress(Enum):
    """State of work that a worker does."""

    WAITING = "waiting"  # for a worker
    RUNNING = "running"
    STALLED = "stalled"  # no sign of life for a while; its process may be gone
    SILENT = "silent"  # its process is gone
    FINISHED = "finished"


def progress_of(claimed_at: datetime | None, *, is_finished: bool) -> Progress:
    """Return whether the work is finished, waits for a worker, is under way, makes no progress, or lost its process."""
    if is_finished:
        return Progress.FINISHED
    if claimed_at is None:
        return Progress.WAITING
    if claimed_at < silent_since():
        return Progress.SILENT
    return Progress.STALLED if claimed_at < clock.database_now() - STALLED_AFTER else Progress.RUNNING


def silent_since(now: datetime | None = None) -> datetime:
    """Return the time before which a claim had to be made or renewed to be alive now."""
    return (now or clock.database_now()) - timedelta(seconds=settings.REFUND_LEASE_SECONDS)


class ClaimLost(Exception):
    """Another process has taken over."""


class Claim:
    """The right to do the work of a row, held by the process whose time is in `claimed_at`."""

    def __init__(self, row: "QuerySet[Any]") -> None:
        """`row` selects the row as long as its work is not finished."""
        self._row = row
        self._at: datetime | None = None

    def take(self, free: "QuerySet[Any]") -> bool:
        """Return whether this process may begin; `free` selects the row if no process is at work on it."""
        return self._move(free, clock.database_now())

    def renew(self, **changes: Any) -> bool:
        """Write these changes; False, and nothing is written, if another process has taken over."""
        return self._move(self._held(), clock.database_now(), **changes)

    def release(self) -> bool:
        """Let any process continue. Return whether the claim was still held."""
        return self._move(self._held(), None)

    def _held(self) -> "QuerySet[Any]":
        return self._row.filter(claimed_at=self._at)

    def _move(self, rows: "QuerySet[Any]", at: datetime | None, **changes: Any) -> bool:
        if not rows.update(claimed_at=at, **changes):
            return False
        self._at = at
        return True
