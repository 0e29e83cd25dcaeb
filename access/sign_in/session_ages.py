"""End sessions of staff after a time without use, and after a working day in any case."""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

_BEGAN, _LAST_USED = "staff_session_began", "staff_session_last_used"
# Otherwise each request would write the session.
_PRECISION_SECONDS = 60


def begin(request: HttpRequest, user: User) -> None:
    """Start the session's age at sign-in."""
    now = int(timezone.now().timestamp())
    request.session[_BEGAN] = request.session[_LAST_USED] = now
    if user.is_staff:
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)


def is_over(request: HttpRequest) -> bool:
    """Tell whether a member of staff has to sign in again. A session of unknown age is over too."""
    now = timezone.now().timestamp()
    began, last_used = request.session.get(_BEGAN, 0), request.session.get(_LAST_USED, 0)
    return bool(
        now - began >= settings.STAFF_SESSION_LENGTH.total_seconds()
        or now - last_used >= settings.STAFF_SESSION_IDLE.total_seconds()
    )


def note_use(request: HttpRequest) -> None:
    """Extend the session of a member of staff that is in use."""
    now = int(timezone.now().timestamp())
    if now - request.session[_LAST_USED] >= _PRECISION_SECONDS:
        request.session[_LAST_USED] = now
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)
