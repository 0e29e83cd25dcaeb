"""The sandbox's time: real, or frozen by a test."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from sandbox.server.models import Config

SEOUL = timezone(timedelta(hours=9), "KST")  # no daylight saving since 1988


def now() -> int:
    """Return UNIX seconds; the `now` setting overrides the real clock."""
    frozen = Config.load().now
    return int(time.time()) if frozen is None else frozen


def seoul(timestamp: int) -> datetime:
    """Return a UNIX time as Korean wall-clock time."""
    return datetime.fromtimestamp(timestamp, SEOUL)


def add_months(moment: datetime, months: int) -> datetime:
    """Add months to a time; the 31st becomes the last day of a shorter month."""
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month + 1)
