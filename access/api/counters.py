"""Count events per time window in the cache.

With CACHE_URL all processes count together, else each by itself. While the cache is down nothing is counted or limited.
"""

import logging
import time
from collections.abc import Callable

from django.core.cache import cache

from core.cache import CACHE_ERRORS

logger = logging.getLogger(__name__)

# Time without calls to a cache that failed: waiting for it would slow every request down.
REST_SECONDS = 10.0


class Counters:
    """Counts per name and window; windows begin at whole multiples of their length."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def add(self, name: str, seconds: int) -> int:
        """Count one more and return the count of this window; 0 if the cache cannot be used."""
        return self._try(lambda: _add(_key(name, seconds), seconds))

    def read(self, name: str, seconds: int) -> int:
        """Return the count of this window; 0 if the cache cannot be used."""
        return self._try(lambda: _number(cache.get(_key(name, seconds))))

    def _try(self, work: Callable[[], int]) -> int:
        if time.monotonic() < self._rests_until:
            return 0
        try:
            return work()
        except CACHE_ERRORS as exc:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning("the cache failed, so requests are not limited for %d s: %s", REST_SECONDS, exc)
            return 0


counters = Counters()


def seconds_left(seconds: int) -> float:
    """Return the seconds until the window ends."""
    return seconds - time.time() % seconds


def _key(name: str, seconds: int) -> str:
    return f"count:{name}:{int(time.time() // seconds)}"


def _add(key: str, seconds: int) -> int:
    if cache.add(key, 1, seconds + 1):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # the entry has expired, or holds no number
        cache.set(key, 1, seconds + 1)
        return 1


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
