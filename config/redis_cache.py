"""Django's cache in Redis, for callers who can do without it: quick to give up, and an `OSError` when it fails."""

import json
from typing import Any

from django.core.cache.backends import redis as django_redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

# Every request may have to wait this long for a Redis that is silent.
CONNECT_SECONDS, ANSWER_SECONDS = 0.5, 0.5


class _Redis(Redis):
    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # it has no types
        except RedisError as exc:
            raise ConnectionError(f"Redis failed: {exc}") from exc


class _Json:
    """How values are written, as `config.file_cache` does: nothing is unpickled, and junk is a missing value."""

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value)  # Redis counts with plain numbers

    def loads(self, data: Any) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


class _Client(django_redis.RedisCacheClient):
    def __init__(self, servers: list[str], **options: Any) -> None:
        quick: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
            # Once more at once, because a kept connection may have died meanwhile; never later.
            "retry": Retry(NoBackoff(), 1),
        }
        super().__init__(servers, serializer=_Json(), **quick, **options)
        self._client = _Redis


class RedisCache(django_redis.RedisCache):
    """A Redis that fails is an `OSError`, as a full disk is for a cache in files."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
