"""Delete old sign-in data: ended sessions and failed sign-ins."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session

from core.retention import register_job

# Long enough to investigate an attack; failures hold IP addresses, which are personal data.
FAILURES_KEPT = timedelta(days=30)


def forget_ended_sessions(now: datetime) -> int:
    """Delete expired sessions and return how many."""
    count, _by_model = Session.objects.filter(expire_date__lt=now).delete()
    return count


def forget_old_failures(now: datetime) -> int:
    """Delete failed sign-ins older than `FAILURES_KEPT` and return how many."""
    count, _by_model = AccessAttempt.objects.filter(attempt_time__lt=now - FAILURES_KEPT).delete()
    return int(count)


register_job("sessions", forget_ended_sessions)
register_job("failed_sign_ins", forget_old_failures)
