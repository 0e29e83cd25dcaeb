"""Django's CACHES setting. A cache entry may disappear at any time."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

REDIS_SCHEMES = ("redis://", "rediss://")
REDIS_SECONDS = 0.5  # upper limit of what an unresponsive Redis adds to a request
MAX_ENTRIES = 10_000  # per process, without Redis


def caches(name: str, url: str) -> dict[str, Any]:
    """Return CACHES for the URL in the variable `name`: Redis, or local memory per process if the URL is empty."""
    if url.startswith(REDIS_SCHEMES):
        options = {
            "serializer": "core.cache.JsonSerializer",
            "socket_connect_timeout": REDIS_SECONDS,
            "socket_timeout": REDIS_SECONDS,
            # One immediate retry, because a pooled connection may be dead; no later retries.
            "retry": Retry(NoBackoff(), 1),
        }
        backend = "django.core.cache.backends.redis.RedisCache"
        # Other applications may use the same Redis.
        return {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": "refund-desk", "OPTIONS": options}}
    if url:
        raise ImproperlyConfigured(f"{name} has an unknown scheme: use redis://host:6379/1, or nothing for memory")
    memory = "django.core.cache.backends.locmem.LocMemCache"
    return {"default": {"BACKEND": memory, "OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}}}
