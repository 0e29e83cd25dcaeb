"""Too many failed sign-ins shut the door for a while; django-axes counts them in the database, for all processes.

Both passwords and second-factor codes count. A door is shut for one user name from one address, and for an address
as a whole, never for a user name from everywhere: else a stranger could keep the owner out. `access.guesses` sees to
it that a guess is counted before the next one is made.
"""

import math
from collections import Counter
from datetime import datetime
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from access import guesses
from access.models import SignInFailure
from core.http.client_ip import address_group, groups_beside, wide_group_of


class LockedDoor(AxesStandaloneBackend):  # type: ignore[misc]  # axes ships no types
    """The first authentication backend: says no while the door is shut."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **credentials: Any) -> None:
        """Raises `PermissionDenied`. Without a request nobody is at the door: scripts and tests check passwords too."""
        if request is None:
            return
        if not guesses.begin(request, credentials.get("username") or ""):
            request.axes_locked_out = True  # type: ignore[attr-defined]  # so axes answers, and counts nothing
            raise PermissionDenied
        super().authenticate(request, *args, **credentials)


class FailureCounter(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """Counts as `settings.AXES_LOCKOUT_PARAMETERS` says: first for a user name and address, then for an address."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures, on the scale of `AXES_FAILURE_LIMIT`: an address has a limit of its own."""
        own, of_address = map(_sum, self.get_user_attempts(request, credentials))
        return max(own, settings.AXES_FAILURE_LIMIT if of_address >= settings.LOGIN_ADDRESS_LIMIT else 0)

    def filter_user_attempts(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> list[QuerySet[AccessAttempt]]:
        """Those of the user name at this address, and those of the address with all that are its customer's."""
        own, of_address = super().filter_user_attempts(request, credentials)
        address = address_of(request)
        if address is not None:
            of_address = AccessAttempt.objects.filter(ip_address__in=groups_beside(address))
        return [own, of_address]

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Whoever signed in starts anew, and nobody else at the same address: an account of one's own would else
        buy any number of guesses at somebody else's."""
        own, _of_address = self.filter_user_attempts(request, credentials)
        count, _by_model = own.delete()
        return int(count)


def address_of(request: HttpRequest) -> str | None:
    """As axes wants it: a column of addresses takes no empty text."""
    return address_group(request) or None


def is_shut(request: HttpRequest, username: str) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": username})


def may_guess(request: HttpRequest, username: str) -> bool:
    """Whether a password may be compared now. If so, others for this name and address wait until the request ends."""
    begun = guesses.begin(request, username)
    return not is_shut(request, username) and begun


def count_failure(request: HttpRequest, username: str) -> None:
    """A second factor that was wrong counts as a wrong password does; axes answers when it was one too many."""
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)


def shut_page(request: HttpRequest, _answer: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """429, the same for accounts that exist and that do not, with the time until the door opens again.

    If it is not shut, somebody else is at it: only for a moment.
    """
    seconds = _seconds_left(request, credentials)
    context: dict[str, Any] = {"minutes": math.ceil(seconds / 60)}
    template = "registration/locked.html"
    if request.path.startswith(reverse("admin:index")):
        template = "admin/access/locked.html"
        context |= {**admin.site.each_context(request), "title": _("Please wait")}
    page = render(request, template, context, status=429)
    page["Retry-After"] = str(max(1, seconds))
    return page


def current_failures() -> QuerySet[SignInFailure]:
    """Failures that still count."""
    every: QuerySet[SignInFailure] = SignInFailure.objects.all()
    return every.filter(attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME)


def locked_addresses() -> set[str | None]:
    counts = current_failures().order_by().values_list("ip_address").annotate(count=Sum("failures_since_start"))
    of_customers: Counter[str] = Counter()
    for address, count in counts:
        of_customers[_customer(address)] += count
    shut = {customer for customer, count in of_customers.items() if count >= settings.LOGIN_ADDRESS_LIMIT}
    return {address for address, _count in counts if _customer(address) in shut}


def locked_accounts() -> set[tuple[str | None, str | None]]:
    """User name and address of the doors that are shut for one user name."""
    counts = (
        current_failures().order_by().values_list("username", "ip_address").annotate(count=Sum("failures_since_start"))
    )
    return {(name, address) for name, address, count in counts if count >= settings.AXES_FAILURE_LIMIT}


def unlock(failure: SignInFailure) -> None:
    """Forget the failures of this user name at this address; of the whole address, if that is shut."""
    same = Q(ip_address=failure.ip_address)
    if failure.ip_address not in locked_addresses():
        same &= Q(username=failure.username)
    elif failure.ip_address is not None:
        same = Q(ip_address__in=groups_beside(failure.ip_address))
    AccessAttempt.objects.filter(same).delete()


def forget_failures(user: User) -> None:
    """Open every door that is shut for this user name."""
    AccessAttempt.objects.filter(username=user.get_username()).delete()


def _customer(address: str | None) -> str:
    return wide_group_of(address) if address else ""


def _sum(attempts: QuerySet[AccessAttempt]) -> int:
    return attempts.aggregate(count=Sum("failures_since_start"))["count"] or 0


def _seconds_left(request: HttpRequest, credentials: dict[str, Any] | None) -> int:
    """Until the last failure that keeps the door shut is forgotten; 0 if it is not shut."""
    own, of_address = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    limits = ((own, settings.AXES_FAILURE_LIMIT), (of_address, settings.LOGIN_ADDRESS_LIMIT))
    last = [
        attempts.aggregate(last=Max("attempt_time"))["last"] for attempts, limit in limits if _sum(attempts) >= limit
    ]
    if not any(last):
        return 0
    until: datetime = max(filter(None, last)) + settings.AXES_COOLOFF_TIME
    return max(1, math.ceil((until - timezone.now()).total_seconds()))
