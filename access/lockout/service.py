"""Lock-out after too many failed logins, which django-axes counts in the database for all processes.

Both passwords and second-factor codes count. Lock-out applies to (username, IP) and to an IP, never to a username
alone: otherwise anyone could lock a user out. An attempt is counted before its password is compared (`attempts`).
"""

import math
from datetime import datetime
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access.lockout import attempts
from access.models import SignInFailure
from core.http.client_ip import address_group
from core.http.error_pages import error_page, is_admin


class LockoutBackend(AxesStandaloneBackend, ModelBackend):  # type: ignore[misc]  # axes ships no types
    """Compare passwords as Django does, unless the username or its address is locked out.

    A subclass of axes' backend only because `manage.py check` looks for one.
    """

    def authenticate(  # type: ignore[override]  # Django names the credentials
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        """Return the account if the password is right. Without a request, as in scripts, count nothing.

        Raises `PermissionDenied` for a lock-out.
        """
        if request is None:
            return ModelBackend.authenticate(self, request, **credentials)
        if not attempts.begin(request, credentials.get("username") or ""):
            request.axes_locked_out = True  # type: ignore[attr-defined]  # so axes answers, and counts nothing
            raise PermissionDenied
        user = ModelBackend.authenticate(self, request, **credentials)
        if user is not None:
            attempts.end(request)
        return user


class FailureCounter(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """Count failures per `settings.AXES_LOCKOUT_PARAMETERS`: for a username and address, and for an address."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **signal: Any
    ) -> None:
        """Replace the attempt in progress with a failure, in one transaction."""
        with transaction.atomic():
            if request is not None:
                attempts.end(request)
            super().user_login_failed(sender, credentials, request, **signal)

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures of username and address; at least the limit if the address has reached its own."""
        own, of_address = map(attempts.count, self.get_user_attempts(request, credentials))
        return max(own, settings.AXES_FAILURE_LIMIT if of_address >= settings.LOGIN_ADDRESS_LIMIT else 0)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Reset the failures of this username and address only.

        Otherwise a login to one's own account would allow any number of attempts at another.
        """
        own, _of_address = self.filter_user_attempts(request, credentials)
        count, _by_model = own.delete()
        return int(count)


def address_of(request: HttpRequest) -> str | None:
    """Return the client's address group, or None: axes stores it in a column that takes no empty text."""
    return address_group(request) or None


def count_failure(request: HttpRequest, username: str) -> None:
    """Count a wrong password or code; axes locks out when it exceeds the limit."""
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)


def lockout_response(
    request: HttpRequest, _answer: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer 429 with the time until the lock-out ends, for existing and unknown accounts alike.

    Without a lock-out, parallel attempts blocked this one: `Retry-After` is then one second.
    """
    seconds = _seconds_left(request, credentials)
    minutes = math.ceil(seconds / 60)
    if is_admin(request):
        page = error_page(request, "admin/access/locked.html", status=429, minutes=minutes)
    else:
        page = render(request, "registration/locked.html", {"minutes": minutes}, status=429)
    page["Retry-After"] = str(max(1, seconds))
    return page


def current_failures() -> QuerySet[SignInFailure]:
    """Return the failures that still count."""
    every: QuerySet[SignInFailure] = SignInFailure.objects.all()
    return every.filter(attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME)


def locked_addresses() -> set[str | None]:
    counts = current_failures().order_by().values_list("ip_address").annotate(count=Sum("failures_since_start"))
    return {address for address, count in counts if count >= settings.LOGIN_ADDRESS_LIMIT}


def locked_accounts() -> set[tuple[str | None, str | None]]:
    """Return (username, address) for each pair that is locked out. Locked addresses: see `locked_addresses`."""
    counts = (
        current_failures().order_by().values_list("username", "ip_address").annotate(count=Sum("failures_since_start"))
    )
    return {(name, address) for name, address, count in counts if count >= settings.AXES_FAILURE_LIMIT}


def unlock(failure: SignInFailure) -> None:
    """Delete the failures of this username at this address, or of the whole address if that is locked out."""
    same = Q(ip_address=failure.ip_address)
    if failure.ip_address not in locked_addresses():
        same &= Q(username=failure.username)
    AccessAttempt.objects.filter(same).delete()


def forget_failures(user: User) -> None:
    """End every lock-out of this username."""
    AccessAttempt.objects.filter(username=user.get_username()).delete()


def _seconds_left(request: HttpRequest, credentials: dict[str, Any] | None) -> int:
    """Return the seconds until the last failure of the lock-out expires; 0 without a lock-out."""
    own, of_address = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    limits = ((own, settings.AXES_FAILURE_LIMIT), (of_address, settings.LOGIN_ADDRESS_LIMIT))
    last = [
        failures.aggregate(last=Max("attempt_time"))["last"]
        for failures, limit in limits
        if attempts.count(failures) >= limit
    ]
    if not any(last):
        return 0
    until: datetime = max(filter(None, last)) + settings.AXES_COOLOFF_TIME
    return max(1, math.ceil((until - timezone.now()).total_seconds()))
