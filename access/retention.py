"""What signing in leaves behind, forgotten in time."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session

# Long enough to look into an attack; they name addresses, which are personal data.
FAILURES_KEPT = timedelta(days=30)


def forget_ended_sessions(now: datetime) -> int:
    """Delete the sessions that are over; returns how many."""
    count, _by_model = Session.objects.filter(expire_date__lt=now).delete()
    return count


def forget_old_failures(now: datetime) -> int:
    """Delete the failed sign-ins that are older than `FAILURES_KEPT`; returns how many."""
    count, _by_model = AccessAttempt.objects.filter(attempt_time__lt=now - FAILURES_KEPT).delete()
    return int(count)
