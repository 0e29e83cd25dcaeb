"""The threads that work soon on what was noted: they end, look again, remember little, and share no key."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from payments import background
from payments.background import BackgroundThreads, Work


def threads_for(work: Work, *, chunk: int = 100, retry_seconds: float = 0.05) -> BackgroundThreads:
    return BackgroundThreads(work, name="test", chunk=chunk, retry_seconds=retry_seconds)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_threads_end_when_there_is_nothing_left() -> None:
    done: list[str] = []

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        done.extend(keys)
        return []

    threads = threads_for(work)
    threads.notify("a")

    wait_for(lambda: not threads._threads)
    assert done == ["a"]
    threads.notify("b")
    wait_for(lambda: done == ["a", "b"] and not threads._threads)


def test_threads_look_again_when_told_and_after_a_failure() -> None:
    looks: list[list[str]] = []

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        looks.append(list(keys))
        if len(looks) == 1:
            raise OperationalError("gone")
        return [("a", timezone.now())] if len(looks) == 2 else []

    threads = threads_for(work)
    threads.notify("a")

    wait_for(lambda: not threads._threads)
    assert looks == [["a"]] * 3


def test_threads_remember_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CAPACITY", 2)
    release, done = threading.Event(), Counter[str]()

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        release.wait(20)
        done.update(keys)
        return []

    threads = threads_for(work)
    for number in range(100):
        threads.notify(f"key-{number}")
    assert len(threads._due) <= 2
    assert len(threads._threads) <= background.THREADS
    release.set()
    wait_for(lambda: not threads._threads)
    assert 2 <= len(done) <= background.THREADS * 2 + 2


def test_a_key_noted_during_its_work_is_worked_on_again_but_never_twice_at_once() -> None:
    release, running, most, done = threading.Event(), Counter[str](), Counter[str](), Counter[str]()

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        running.update(keys)
        most.update({key: max(running[key] - most[key], 0) for key in keys})
        release.wait(60)
        done.update(keys)
        running.subtract(keys)
        return []

    threads = threads_for(work, chunk=1)
    for _ in range(3):
        threads.notify("slow")
        threads.notify("other")
        wait_for(lambda: running == {"slow": 1, "other": 1})
        time.sleep(0.05)  # in which another thread would take them
    release.set()

    wait_for(lambda: not threads._threads)
    assert most == {"slow": 1, "other": 1}
    assert done == {"slow": 2, "other": 2}


def test_a_slow_key_does_not_hold_up_another() -> None:
    release, done = threading.Event(), []

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        if "later" in keys:
            return [("later", timezone.now() + timedelta(hours=1))]
        if "quick" not in keys:
            release.wait(20)
        done.extend(keys)
        return []

    threads = threads_for(work, chunk=1)
    threads.notify("later")
    wait_for(lambda: threads._waiting == len(threads._threads))
    assert threads._waiting < background.THREADS
    with threads._changed:  # all of them before a waiting thread wakes up
        for number in range(threads._waiting):
            threads.notify(f"slow-{number}")
        threads.notify("quick")

    wait_for(lambda: done == ["quick"])
    release.set()


def test_the_end_of_the_process_waits_for_what_has_begun_but_not_for_ever() -> None:
    release, done = threading.Event(), []

    def work(keys: Collection[str]) -> list[tuple[str, datetime]]:
        release.wait(60)
        done.extend(keys)
        return []

    threads = threads_for(work)
    threads.notify("a")
    threads.finish(0.01)
    assert done == []
    release.set()
    threads.finish(20)
    assert done == ["a"]
