"""Texts for pages while no worker has been seen."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from core.admin.display import since
from core.claims import Progress
from monitoring.worker import is_missing, worker_last_seen

STARTS_WITHIN = timedelta(seconds=5)  # a worker that runs takes its message sooner


def no_worker_text() -> str:
    """Return what to do if no worker has been seen lately; "" if one has."""
    seen_at = worker_last_seen()
    if not is_missing(seen_at):
        return ""
    what_to_do = _("Ask the server administrator to start the worker, or to run “manage.py reconcile” once.")
    if seen_at is None:
        return _("No worker has been seen.") + " " + what_to_do
    return _("No worker has been seen since %(time)s.") % {"time": since(seen_at)} + " " + what_to_do


def delay_text(progress: Progress, requested_at: datetime) -> str:
    """Return the same for work that a worker should do by now; "" if it is not delayed."""
    is_overdue = progress is Progress.WAITING and timezone.now() - requested_at > STARTS_WITHIN
    return no_worker_text() if is_overdue or progress in (Progress.STALLED, Progress.SILENT) else ""
