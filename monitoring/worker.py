"""Detect a missing background worker: a worker records a heartbeat after each sweep."""

from datetime import datetime, timedelta

from django.utils import timezone

from monitoring.models import Heartbeat
from monitoring.readiness import NotReady, register_check

# Longer than one sweep interval (1 minute), because a sweep can be late while i'mport is slow.
MISSING_AFTER = timedelta(minutes=3)
_NAME = "worker"


def note_worker() -> None:
    """Record that a worker runs."""
    Heartbeat.objects.update_or_create(pk=_NAME, defaults={"seen_at": timezone.now()})


def worker_last_seen() -> datetime | None:
    """Return the time of the last worker's heartbeat, or None."""
    return Heartbeat.objects.filter(pk=_NAME).values_list("seen_at", flat=True).first()


def is_missing(seen_at: datetime | None) -> bool:
    """Return whether a worker last seen at `seen_at` counts as missing."""
    return seen_at is None or timezone.now() - seen_at > MISSING_AFTER


def _check_worker() -> None:
    if is_missing(worker_last_seen()):
        raise NotReady("missing", "no worker has been seen")


# A warning: refunds need no worker, and cron can do its work.
register_check("worker", _check_worker, is_warning=True)
