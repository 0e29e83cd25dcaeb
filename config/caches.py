"""The cache that all processes share: what is in it may vanish at any time."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

REDIS_SCHEMES = ("redis://", "rediss://")
MAX_ENTRIES = 10_000  # files


def caches(name: str, url: str, var_dir: Path) -> dict[str, Any]:
    """Django's CACHES for the variable `name`: the Redis that it names, or files for the processes of one machine."""
    if url.startswith(REDIS_SCHEMES):
        # Other things may live in the same Redis.
        return {"default": {"BACKEND": "config.redis_cache.RedisCache", "LOCATION": url, "KEY_PREFIX": "refund-desk"}}
    if url:
        raise ImproperlyConfigured(f"{name} has an unknown scheme: use redis://host:6379/1, or nothing for files")
    files = {"LOCATION": str(var_dir / "cache"), "OPTIONS": {"MAX_ENTRIES": MAX_ENTRIES}}
    return {"default": {"BACKEND": "config.file_cache.FileCache", **files}}
