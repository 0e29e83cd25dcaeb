"""Decide for every request whether its session is valid, before any view reads `request.user`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from access.models import authenticator_of
from access.sign_in import session_ages
from access.two_factor.service import lacks_required_device

# The admin's pages that staff without a required second factor may open.
_ALWAYS_OPEN = {
    "admin-login",
    "admin-login-code",
    "admin-logout",
    "logout",
    "jsi18n",
    "two-factor",
    "two-factor-begin",
    "two-factor-set-up",
}


class TrustedSessions:
    """Ignore sessions of staff that are over or not verified by the user's second factor.

    Where a second factor is required, redirect staff without one from the admin to its set-up.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user = SimpleLazyObject(partial(_trusted, request, request.user))  # type: ignore[assignment]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        if not request.path.startswith(reverse("admin:index")) or (match and match.url_name in _ALWAYS_OPEN):
            return None
        if isinstance(request.user, User) and lacks_set_up(request.user):
            return HttpResponseRedirect(reverse("two-factor"))
        return None


def lacks_set_up(user: User) -> bool:
    # A verified session proves that there is a device; this saves a query.
    return getattr(user, "otp_device", None) is None and lacks_required_device(user)


def _trusted(request: HttpRequest, user: User | AnonymousUser) -> User | AnonymousUser:
    """Return the user of the session, or an anonymous user."""
    if not user.is_authenticated or not user.is_staff:
        return user
    if session_ages.is_over(request):
        request.session.flush()
        return AnonymousUser()
    if not user.is_verified() and authenticator_of(user) is not None:  # type: ignore[attr-defined]  # django-otp's
        return AnonymousUser()
    session_ages.note_use(request)
    return user
