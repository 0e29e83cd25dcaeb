"""Login attempts in progress: each counts as a failure before its password is compared.

Parallel attempts would otherwise all pass the limit before the first failure is counted. An attempt is a row beside
the failures that django-axes counts. A right password deletes it; a wrong one replaces it with a failure. The attempt
of a killed process counts until the lock-out time has passed.
"""

from typing import Any
from uuid import uuid4

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import QuerySet, Sum
from django.http import HttpRequest


def is_locked_out(request: HttpRequest, username: str) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": username})


def begin(request: HttpRequest, username: str) -> bool:
    """Count a login attempt, and return True, if the limits allow one more; otherwise return False and count nothing.

    Call it before a password is compared. The attempt counts until `end`, or until a failure replaces it. Its row is
    committed before the others are counted, so parallel attempts cannot pass the limit together.
    """
    if is_locked_out(request, username):
        return False
    attempt = AccessAttempt.objects.create(
        username=username,
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]  # axes sets it
        user_agent=f"under way {uuid4().hex}",  # axes has one row per name, address and browser
        failures_since_start=1,
    )
    vars(request).setdefault("login_attempts", []).append(attempt.pk)
    own, of_address = AxesProxyHandler.get_implementation().get_user_attempts(request, {"username": username})
    if count(own) <= settings.AXES_FAILURE_LIMIT and count(of_address) <= settings.LOGIN_ADDRESS_LIMIT:
        return True
    end(request)
    return False


def end(request: HttpRequest) -> None:
    """Delete the attempts that `begin` counted for this request, after a right password."""
    begun: list[Any] = vars(request).pop("login_attempts", [])
    if begun:
        AccessAttempt.objects.filter(pk__in=begun).delete()


def count(attempts: QuerySet[AccessAttempt]) -> int:
    """Return how many failures and attempts in progress these rows stand for."""
    return attempts.aggregate(count=Sum("failures_since_start"))["count"] or 0
