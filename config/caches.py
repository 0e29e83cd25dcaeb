"""The cache: what is in it may vanish at any time."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

REDIS_SCHEMES = ("redis://", "rediss://")
REDIS_SECONDS = 0.5  # every request may have to wait this long for a Redis that is silent
MAX_ENTRIES = 10_000  # in the memory of a process


def caches(name: str, url: str) -> dict[str, Any]:
    """Django's CACHES for the variable `name`: the Redis that it names, or the memory of each process."""
    if url.startswith(REDIS_SCHEMES):
        options = {
            "serializer": "core.cache.JsonSerializer",
            "socket_connect_timeout": REDIS_SECONDS,
            "socket_timeout": REDIS_SECONDS,
            # Once more at once, because a kept connection may have died meanwhile; never later.
            "retry": Retry(NoBackoff(), 1),
        }
        backend = "django.core.cache.backends.redis.RedisCache"
        # Other things may live in the same Redis.
        return {"default": {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": "refund-desk", "OPTIONS": options}}
    if url:
        raise ImproperlyConfigured(f"{name} has an unknown scheme: use redis://host:6379/1, or nothing for memory")
    memory = "django.core.cache.backends.locmem.LocMemCache"
    return {"default": {"BACKEND": memory, "OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}}}
