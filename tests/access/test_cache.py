"""The shared cache: counts of all processes in one, whatever lies in its folder, and nothing that waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache, caches
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from access.api.counters import Counters
from config.caches import caches as caches_setting
from config.file_cache import FileCache
from tests.access.redis_double import RedisDouble

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """
import sys
import django
django.setup()
from access.api.counters import counters
from config import file_cache
file_cache._LOCK_SECONDS = 60  # however busy the machine is
sys.stdin.read()
for _ in range(300):
    assert counters.add("race", 86_400)
"""


@pytest.fixture
def files(tmp_path: Path) -> FileCache:
    return FileCache(str(tmp_path / "cache"), {"OPTIONS": {"MAX_ENTRIES": 50}})


def another(cache: FileCache) -> FileCache:
    """The same folder as another process sees it."""
    return FileCache(str(cache._folder), {})


def test_values_are_shared_and_end(files: FileCache) -> None:
    files.set("key", {"a": [1, "가"]}, 60)
    assert another(files).get("key") == {"a": [1, "가"]}
    assert not files.add("key", 2)
    assert files.touch("key", 0.05)
    time.sleep(0.06)
    assert files.get("key", "gone") == "gone"
    assert files.has_key("key") is False
    assert not files.touch("key")
    assert files.add("key", 2, None)
    assert files.delete("key")
    assert not files.delete("key")


def test_a_count_keeps_its_end(files: FileCache) -> None:
    files.add("key", 1, 60)
    assert [files.incr("key"), another(files).incr("key", 3)] == [2, 5]
    with time_machine.travel(time.time() + 60), pytest.raises(ValueError, match="not found"):
        files.incr("key")


@pytest.mark.parametrize("junk", [b"", b"\x80\x04junk", b"{", b"[" * 100_000, b'"text"', b"\xff"])
def test_junk_in_a_file_is_a_missing_count(files: FileCache, junk: bytes, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "config.file_cache.FileCache", "LOCATION": str(files._folder)}}
    counters = Counters()
    counters.add("name", 86_400)
    (path,) = files._folder.glob("*.json")
    path.write_bytes(junk)
    os.utime(path, (time.time() + 60, time.time() + 60))
    assert counters.read("name", 86_400) == 0
    assert [counters.add("name", 86_400) for _ in range(2)] == [1, 2]


def test_a_planted_pickle_is_not_opened(files: FileCache) -> None:
    files.set("key", 1)
    (path,) = files._folder.glob("*.json")
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    os.utime(path, (time.time() + 60, time.time() + 60))
    assert files.get("key", "missing") == "missing"


def test_the_folder_does_not_grow_for_ever(files: FileCache) -> None:
    for number in range(2_000):
        files.set(f"key-{number}", number, -100 if number % 2 else 60)
    assert len(list(files._folder.glob("*.json"))) < 1_200
    files._cull()
    assert len(list(files._folder.glob("*.json"))) < 50


def test_only_this_user_may_read_it(files: FileCache) -> None:
    files.set("key", 1)
    assert files._folder.stat().st_mode & 0o777 == 0o700


def test_two_processes_share_a_count_and_lose_none(tmp_path: Path, settings: Settings) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNTING]
    running = [subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE) for _ in range(2)]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait() for process in running] == [0, 0]

    settings.CACHES = caches_setting("CACHE_URL", "", tmp_path)
    assert Counters().read("race", 86_400) == 600


# --- Redis ----------------------------------------------------------------------------------------------------


def test_counts_are_shared_over_redis(settings: Settings, tmp_path: Path) -> None:
    with RedisDouble() as redis:
        settings.CACHES = caches_setting("CACHE_URL", redis.url, tmp_path)
        counted = [Counters().add("name", 86_400) for _ in range(3)]
        caches.close_all()
        assert [*counted, Counters().read("name", 86_400)] == [1, 2, 3, 3]
        ((key, (_value, ends)),) = redis.values.items()
        assert key.startswith(b"refund-desk:")
        redis.values[key] = (b"\x80\x04junk", ends)
        assert Counters().read("name", 86_400) == 0
        cache.set("text", {"a": ["가"]})
        assert cache.get("text") == {"a": ["가"]}


def test_a_redis_that_is_down_holds_nobody_up_and_is_asked_again_later(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RedisDouble() as redis:
        port = redis.port
    settings.CACHES = caches_setting("CACHE_URL", redis.url, tmp_path)
    counters = Counters()
    start = time.monotonic()
    assert [counters.add("name", 86_400) for _ in range(50)] == [0] * 50
    assert time.monotonic() - start < 2
    assert len([record for record in caplog.records if "the cache failed" in record.message]) == 1
    with RedisDouble(port):
        assert counters.add("name", 86_400) == 0
        monkeypatch.setattr(counters, "_rests_until", 0.0)
        assert counters.add("name", 86_400) == 1


def test_a_folder_that_cannot_be_written_holds_nobody_up(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    settings.CACHES = caches_setting("CACHE_URL", "", tmp_path)
    assert Counters().add("name", 60) == 0


def test_another_kind_of_cache_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^CACHE_URL has an unknown scheme: [^\n]+$") as caught:
        caches_setting("CACHE_URL", "memcached://user:hunter2@host", tmp_path)
    assert "hunter2" not in str(caught.value)
