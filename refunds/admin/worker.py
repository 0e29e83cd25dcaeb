"""What a page says while its work waits and no worker has been seen."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.worker import is_missing, worker_last_seen
from refunds.admin.progress import since

STARTS_WITHIN = timedelta(seconds=5)  # a worker that runs takes its message sooner


def is_overdue(requested_at: datetime) -> bool:
    """Return whether a worker would have begun this by now."""
    return timezone.now() - requested_at > STARTS_WITHIN


def no_worker_text() -> str:
    """Return what to do if no worker has been seen lately; "" if one has."""
    seen_at = worker_last_seen()
    if not is_missing(seen_at):
        return ""
    what_to_do = _("Ask the server administrator to start the worker, or to run “manage.py reconcile” once.")
    if seen_at is None:
        return _("No worker has been seen.") + " " + what_to_do
    return _("No worker has been seen since %(time)s.") % {"time": since(seen_at, timezone.now())} + " " + what_to_do
