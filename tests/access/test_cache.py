"""The Redis cache holds plain values only."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from config.caches import caches as caches_setting
from tests.access.redis_double import RedisDouble


def test_redis_holds_plain_values_under_a_prefix_and_nothing_in_it_runs(settings: Settings) -> None:
    with RedisDouble() as redis:
        settings.CACHES = caches_setting("CACHE_URL", redis.url)
        cache.set("text", {"a": ["가"]})
        assert cache.get("text") == {"a": ["가"]}
        ((key, (_value, ends)),) = redis.values.items()
        assert key.startswith(b"refund-desk:")
        redis.values[key] = (b"cos\nsystem\n(S'exit 1'\ntR.", ends)
        assert cache.get("text") is None


def test_unknown_cache_scheme_is_rejected_with_one_line() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^CACHE_URL has an unknown scheme: [^\n]+$") as caught:
        caches_setting("CACHE_URL", "memcached://user:hunter2@host")
    assert "hunter2" not in str(caught.value)
