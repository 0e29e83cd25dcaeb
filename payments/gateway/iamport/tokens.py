"""The access token: kept by the process and in Django's cache, and requested once per life."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.core.cache import cache

from core.cache import CACHE_ERRORS
from payments.gateway.errors import GatewayUnavailable

logger = logging.getLogger(__name__)

# Renewed this early, so that a token does not expire on its way. It must stay under a minute: before the last minute
# i'mport returns the same token without a longer life, and every call would request one.
RENEW_BEFORE = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `life` comes from i'mport's two times alone; `obtained_at` is only compared with our clock."""

    value: str = field(repr=False)
    obtained_at: float  # UNIX seconds of this machine's clock, before the token was requested
    life: float  # seconds

    def is_fresh(self, now: float) -> bool:
        """Return False if it has nearly expired, or if the clock was set back, so that its age is unknown."""
        return 0 <= now - self.obtained_at < self.life - min(RENEW_BEFORE, self.life / 2)


class TokenCache:
    """One token, in memory and in the cache below `key`. `fetch` requests a token from i'mport."""

    def __init__(self, key: str, fetch: Callable[[], Token]) -> None:
        self._key = key
        self._fetch = fetch
        self._memory: Token | None = None
        self._failure: tuple[float, GatewayUnavailable] | None = None
        self._lock = threading.Lock()

    def get(self, rejected: Token | None = None) -> Token:
        """Return a fresh token other than `rejected`, the one that i'mport has just refused.

        Raises `GatewayUnavailable`. Threads that waited for a failed renewal raise the same error, instead of failing
        one after the other.
        """
        if (token := _usable(self._memory, rejected)) is not None:
            return token
        arrived = time.monotonic()
        with self._lock:
            if (token := _usable(self._memory, rejected)) is not None:
                return token
            if self._failure is not None and self._failure[0] >= arrived:
                raise type(self._failure[1])(self._failure[1].message)
            try:
                self._memory = _usable(self._load(), rejected) or self._renew()
            except GatewayUnavailable as exc:
                self._failure = (time.monotonic(), exc)
                raise
            self._failure = None
            return self._memory

    def failure(self) -> tuple[float, GatewayUnavailable] | None:
        """Return how many seconds ago the last request for a token failed, and why; None if it did not fail."""
        failed = self._failure
        return None if failed is None else (time.monotonic() - failed[0], failed[1])

    def renew(self) -> Token:
        """Return a token other than the one in use. Raises `GatewayUnavailable`."""
        return self.get(rejected=self._memory)

    def _renew(self) -> Token:
        token = self._fetch()
        try:
            cache.set(self._key, [token.value, token.obtained_at, token.life], token.life)
        except CACHE_ERRORS as exc:
            logger.warning("i'mport's token cannot be shared through the cache: %s", type(exc).__name__)
        return token

    def _load(self) -> Token | None:
        """Return the cached token, if there is one and the cache answers."""
        try:
            value, obtained_at, life = cache.get(self._key) or ("", 0, 0)
            return Token(value, float(obtained_at), float(life)) if is_header_safe(value) else None
        except (*CACHE_ERRORS, ValueError, TypeError):
            return None


def _usable(token: Token | None, rejected: Token | None) -> Token | None:
    # Compared whole, not by value: i'mport may return the same token again, which is then valid.
    return token if token is not None and token != rejected and token.is_fresh(time.time()) else None


def is_header_safe(value: object) -> bool:
    """Return whether `value` is a token that can be sent in an HTTP header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value.strip() == value != ""
