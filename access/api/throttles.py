"""Rate limits of the API per token, per signed-in user and per IP address.

DRF throttles after authentication and permissions. So `ensure_address_may_try` rejects an address with too many
failures before that, and rejected requests are counted where they are rejected.
"""

from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from access.api.counters import counters, seconds_left
from access.models import ApiToken
from core.http.client_ip import wide_group

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView

Rate = tuple[int, int] | None  # how many, in how many seconds

MAX_PROVEN = 10_000


class RateThrottle(BaseThrottle):
    """At most `rate` requests of one `subject`; no rate or no subject means no limit."""

    def rate(self) -> Rate:
        raise NotImplementedError

    def subject(self, request: Request) -> str | None:
        """Return whose requests count together: ids and addresses only, because they are written to the cache."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: "APIView") -> bool:
        rate, subject = self.rate(), self.subject(request)
        return rate is None or subject is None or counters.add(subject, rate[1]) <= rate[0]

    def wait(self) -> float | None:
        rate = self.rate()
        return rate and seconds_left(rate[1])


class TokenThrottle(RateThrottle):
    def rate(self) -> Rate:
        return settings.API_RATE_TOKEN

    def subject(self, request: Request) -> str | None:
        return _signed_in(request) if isinstance(request.auth, ApiToken) else None


class UserThrottle(RateThrottle):
    """A user with a session; tokens have counts of their own."""

    def rate(self) -> Rate:
        return settings.API_RATE_USER

    def subject(self, request: Request) -> str | None:
        return None if isinstance(request.auth, ApiToken) else _signed_in(request)


class RefundThrottle(RateThrottle):
    """Requests that move money: a lower limit stops a faulty program earlier."""

    def rate(self) -> Rate:
        return settings.API_RATE_REFUND

    def subject(self, request: Request) -> str | None:
        who = _signed_in(request)
        return None if who is None or request.method in SAFE_METHODS else f"refund:{who}"


class AddressThrottle(RateThrottle):
    """Requests without a valid token or session, per IP address."""

    def rate(self) -> Rate:
        return settings.API_RATE_ADDRESS

    def subject(self, request: Request) -> str | None:
        return None if _signed_in(request) else _address(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not _signed_in(request):  # its session may have been valid before
            _proven.discard(request)
        return super().allow_request(request, view)


def _signed_in(request: Request) -> str | None:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"user:{request.user.pk}" if isinstance(request.user, User) else None


def _address(request: HttpRequest) -> str:
    return f"address:{wide_group(request) or 'unknown'}"


# --- Before authentication --------------------------------------------------------------------------------------


class _Proven:
    """Hashes of tokens and sessions that were valid before: failures of others at their address do not block them."""

    def __init__(self) -> None:
        self._hashes: set[bytes] = set()

    def add(self, request: HttpRequest) -> None:
        if len(self._hashes) >= MAX_PROVEN:
            self._hashes.clear()
        self._hashes.add(self._hash(request))

    def discard(self, request: HttpRequest) -> None:
        self._hashes.discard(self._hash(request))

    def __contains__(self, request: HttpRequest) -> bool:
        return self._hash(request) in self._hashes

    @staticmethod
    def _hash(request: HttpRequest) -> bytes:
        shown = (request.META.get("HTTP_AUTHORIZATION", ""), request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
        return sha256("\0".join(shown).encode(errors="surrogateescape")).digest()


_proven = _Proven()


def ensure_address_may_try(request: HttpRequest) -> None:
    """Raise `Throttled` if too many requests of this address failed to authenticate. Makes no query."""
    rate: Rate = settings.API_RATE_ADDRESS
    if rate is None or request in _proven:
        return
    if counters.read(_address(request), rate[1]) >= rate[0]:
        raise Throttled(seconds_left(rate[1]))


def note_success(request: HttpRequest) -> None:
    """Remember that this token or session is valid."""
    _proven.add(request)


def note_failure(request: HttpRequest) -> None:
    """Count an invalid token or session against its address."""
    _proven.discard(request)
    rate: Rate = settings.API_RATE_ADDRESS
    if rate is not None:
        counters.add(_address(request), rate[1])
