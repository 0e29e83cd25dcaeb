"""The Redis cache: it shares counts between processes and stores plain values; when it is down, nothing waits."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache, caches
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from access.api.counters import Counters
from config.caches import caches as caches_setting
from tests.access.redis_double import RedisDouble


def test_counts_are_shared_over_redis(settings: Settings) -> None:
    with RedisDouble() as redis:
        settings.CACHES = caches_setting("CACHE_URL", redis.url)
        counted = [Counters().add("name", 86_400) for _ in range(3)]
        caches.close_all()
        assert [*counted, Counters().read("name", 86_400)] == [1, 2, 3, 3]
        ((key, (_value, ends)),) = redis.values.items()
        assert key.startswith(b"refund-desk:")
        redis.values[key] = (b"cos\nsystem\n(S'exit 1'\ntR.", ends)
        assert Counters().read("name", 86_400) == 0
        cache.set("text", {"a": ["가"]})
        assert cache.get("text") == {"a": ["가"]}


def test_a_redis_that_is_down_holds_nobody_up_and_is_asked_again_later(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RedisDouble() as redis:
        port = redis.port
    settings.CACHES = caches_setting("CACHE_URL", redis.url)
    counters = Counters()
    start = time.monotonic()
    assert [counters.add("name", 86_400) for _ in range(50)] == [0] * 50
    assert time.monotonic() - start < 2
    assert len([record for record in caplog.records if "the cache failed" in record.message]) == 1
    with RedisDouble(port):
        assert counters.add("name", 86_400) == 0
        monkeypatch.setattr(counters, "_rests_until", 0.0)
        assert counters.add("name", 86_400) == 1


def test_another_kind_of_cache_is_refused_in_one_line() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^CACHE_URL has an unknown scheme: [^\n]+$") as caught:
        caches_setting("CACHE_URL", "memcached://user:hunter2@host")
    assert "hunter2" not in str(caught.value)
