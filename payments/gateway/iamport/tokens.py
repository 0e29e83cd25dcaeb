"""The access token: requested by one thread at a time, kept encrypted in Django's cache until it nearly expires."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.core.cache import cache

from core.cache import CACHE_ERRORS
from core.encryption.cipher import DecryptError, decrypt, encrypt
from payments.gateway.errors import GatewayUnavailable

logger = logging.getLogger(__name__)

# Seconds. Renewed this early, so that a token does not expire on its way. It must stay under a minute: before the last
# minute i'mport returns the same token without a longer life, and every call would request one.
RENEW_BEFORE = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its repr, and so an error page, leaves out the value."""

    value: str = field(repr=False)
    life: float = field(default=0.0, compare=False)  # seconds, when it was requested


class TokenCache:
    """One token in the cache, below `key`. `fetch` requests a token from i'mport, with short time-outs if told so."""

    def __init__(self, key: str, fetch: Callable[[bool], Token]) -> None:
        self._key = key
        self._fetch = fetch
        self._failure: tuple[float, GatewayUnavailable] | None = None
        self._lock = threading.Lock()

    def get(self, rejected: Token | None = None, *, brief: bool = False) -> Token:
        """Return a token; instead of `rejected`, the one that i'mport has just refused, a newer one.

        Raises `GatewayUnavailable`. Threads that waited for a failed renewal raise the same error, instead of failing
        one after the other.
        """
        if (token := self._cached()) is not None and token != rejected:
            return token
        arrived = time.monotonic()
        with self._lock:
            if (token := self._cached()) is not None and token != rejected:
                return token
            if self._failure is not None and self._failure[0] >= arrived:
                raise type(self._failure[1])(self._failure[1].message)
            if token is not None:
                self._drop()  # also if no new one is to be had: otherwise every call would begin with the refused one
            try:
                token = self._fetch(brief)
            except GatewayUnavailable as exc:
                self._failure = (time.monotonic(), exc)
                raise
            self._failure = None
            self._store(token)
            return token

    def failure(self) -> tuple[float, GatewayUnavailable] | None:
        """Return how many seconds ago the last request for a token failed, and why; None if it did not fail."""
        failed = self._failure
        return None if failed is None else (time.monotonic() - failed[0], failed[1])

    def _cached(self) -> Token | None:
        try:
            found = cache.get(self._key)
            return Token(decrypt(found)) if isinstance(found, str) else None
        except (*CACHE_ERRORS, DecryptError):
            return None

    def _drop(self) -> None:
        with suppress(*CACHE_ERRORS):
            cache.delete(self._key)

    def _store(self, token: Token) -> None:
        try:
            cache.set(self._key, encrypt(token.value), token.life - RENEW_BEFORE)
        except CACHE_ERRORS as exc:
            logger.warning("i'mport's token cannot be kept in the cache: %s", type(exc).__name__)


def is_header_safe(value: object) -> bool:
    """Return whether `value` is a token that can be sent in an HTTP header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value.strip() == value != ""
