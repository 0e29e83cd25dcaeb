"""Rate limits of the API per token, per signed-in user and per IP address: DRF's throttles on Django's cache.

DRF throttles after authentication. So the authentication classes count invalid tokens and sessions themselves.
"""

import logging
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from access.models import ApiToken
from core.cache import CACHE_ERRORS
from core.http.client_ip import address_group

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class RateThrottle(SimpleRateThrottle):
    """At most `settings.API_RATE_<scope>` requests of one `subject`; no subject means no limit."""

    def get_rate(self) -> str | None:
        rate: str | None = getattr(settings, f"API_RATE_{self.scope}".upper())
        return rate

    def subject(self, request: Request) -> str | None:
        """Return whose requests count together: ids and addresses only, because they are written to the cache."""
        raise NotImplementedError

    def get_cache_key(self, request: Request, view: "APIView | None") -> str | None:
        subject = self.subject(request)
        return subject and self.cache_format % {"scope": self.scope, "ident": subject}

    def allow_request(self, request: Request, view: "APIView | None") -> bool:
        """Return whether the request is within the limit, and count it. While the cache is down, nothing is limited."""
        try:
            return super().allow_request(request, view)  # type: ignore[arg-type]  # a view is only passed on
        except CACHE_ERRORS as exc:
            logger.warning("the cache failed, so a request was not limited: %s", exc)
            return True


class TokenThrottle(RateThrottle):
    scope = "token"

    def subject(self, request: Request) -> str | None:
        return _signed_in(request) if isinstance(request.auth, ApiToken) else None


class UserThrottle(RateThrottle):
    """A user with a session; tokens have counts of their own."""

    scope = "user"

    def subject(self, request: Request) -> str | None:
        return None if isinstance(request.auth, ApiToken) else _signed_in(request)


class RefundThrottle(RateThrottle):
    """Requests that move money: a lower limit stops a faulty program earlier."""

    scope = "refund"

    def subject(self, request: Request) -> str | None:
        return None if request.method in SAFE_METHODS else _signed_in(request)


class AddressThrottle(RateThrottle):
    """Requests without a valid token or session, per IP address."""

    scope = "address"

    def subject(self, request: Request) -> str | None:
        return None if _signed_in(request) else _address(request)


class FailureThrottle(AddressThrottle):
    """Requests with an invalid token or session, in the same count."""

    def subject(self, request: Request) -> str | None:
        return _address(request)


def count_failure(request: Request) -> None:
    """Count an invalid token or session against its address. Raises `Throttled` above the limit."""
    throttle = FailureThrottle()
    if not throttle.allow_request(request, None):
        raise Throttled(throttle.wait())


def may_request_refund(request: HttpRequest) -> bool:
    """Count a refund that a page's form requests with those of the API; return whether it is within the limit."""
    request.auth = None  # type: ignore[attr-defined]  # as DRF's requests have it: signed in by session
    return RefundThrottle().allow_request(cast(Request, request), None)


def _signed_in(request: Request) -> str | None:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"user:{request.user.pk}" if isinstance(request.user, User) else None


def _address(request: Request) -> str:
    return address_group(request) or "unknown"
