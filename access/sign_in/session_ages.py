"""End sessions of staff after a time without use, and after a working day in any case."""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

_BEGAN = "staff_session_began"
# Otherwise each request would write the session.
_PRECISION_SECONDS = 60


def begin(request: HttpRequest, user: User) -> None:
    """Start the session's age at sign-in."""
    request.session[_BEGAN] = int(timezone.now().timestamp())
    if user.is_staff:
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)


def is_over(request: HttpRequest) -> bool:
    """Tell whether a member of staff has to sign in again. A session of unknown age is over too."""
    age = timezone.now().timestamp() - request.session.get(_BEGAN, 0)
    return bool(age >= settings.STAFF_SESSION_LENGTH.total_seconds())


def note_use(request: HttpRequest) -> None:
    """Extend the session of a member of staff that is in use; Django ends it after the time without use."""
    idle_seconds = settings.STAFF_SESSION_IDLE.total_seconds()
    if abs(idle_seconds - request.session.get_expiry_age()) >= _PRECISION_SECONDS:
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)
