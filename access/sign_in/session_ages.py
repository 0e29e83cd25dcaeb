"""How long a session of staff lasts: it ends after a while without use, and after a working day in any case."""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

_BEGAN, _LAST_USED = "staff_session_began", "staff_session_last_used"
# Each request would write the session otherwise.
_PRECISION_SECONDS = 60


def begin(request: HttpRequest, user: User) -> None:
    """Somebody signed in: their session counts from now."""
    now = int(timezone.now().timestamp())
    request.session[_BEGAN] = request.session[_LAST_USED] = now
    if user.is_staff:
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)


def is_over(request: HttpRequest) -> bool:
    """Whether a member of staff has to sign in again. A session of unknown age is over too."""
    now = timezone.now().timestamp()
    began, last_used = request.session.get(_BEGAN, 0), request.session.get(_LAST_USED, 0)
    return bool(
        now - began >= settings.STAFF_SESSION_LENGTH.total_seconds()
        or now - last_used >= settings.STAFF_SESSION_IDLE.total_seconds()
    )


def note_use(request: HttpRequest) -> None:
    """The session of a member of staff is in use: its end moves on."""
    now = int(timezone.now().timestamp())
    if now - request.session[_LAST_USED] >= _PRECISION_SECONDS:
        request.session[_LAST_USED] = now
        request.session.set_expiry(settings.STAFF_SESSION_IDLE)
