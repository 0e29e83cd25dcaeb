"""Passwords sent at the same time: each is counted before the next one is compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from access import guesses
from config.caches import caches as caches_setting
from tests.factories import make_staff
from tests.sign_in import BOTH, PASSWORD, SHOP, knock

pytestmark = pytest.mark.django_db

LIMIT = 5


def at_once(names: list[str], password: str = "wrong") -> tuple[list[int], int]:
    """A password for these names, sent together: how each was answered, and how many were compared."""
    barrier = threading.Barrier(len(names))
    compare, compared = MD5PasswordHasher.encode, []

    def slowly(*given: Any) -> str:
        compared.append(given)
        time.sleep(0.05)
        return compare(*given)

    def guess(name: str) -> int:
        barrier.wait()
        try:
            return int(knock(Client(), SHOP, name, password).status_code)
        finally:
            connection.close()

    with patch.object(MD5PasswordHasher, "encode", slowly), ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(guess, names)), len(compared)


def counted() -> int:
    return sum(AccessAttempt.objects.values_list("failures_since_start", flat=True))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["staff", "nobody"])
def test_guesses_sent_together_are_compared_one_at_a_time(name: str) -> None:
    make_staff()

    answers, compared = at_once([name] * 24)

    assert set(answers) <= {200, 429}
    assert 1 <= compared <= LIMIT
    assert counted() == compared


@pytest.mark.django_db(transaction=True)
def test_names_tried_together_from_one_address_hardly_pass_its_limit(settings: Settings) -> None:
    settings.LOGIN_ADDRESS_LIMIT = 4

    answers, compared = at_once([f"name{number}" for number in range(24)])

    assert set(answers) <= {200, 429}
    assert 4 <= compared < 4 + guesses.OF_ADDRESS
    assert counted() == compared


@pytest.mark.django_db(transaction=True)
def test_failures_at_the_same_time_all_count(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = settings.LOGIN_ADDRESS_LIMIT = 100

    answers, _compared = at_once([f"name{number}" for number in range(guesses.OF_ADDRESS)])

    assert (set(answers), counted()) == ({200}, guesses.OF_ADDRESS)


@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_twice_signs_in_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "WAIT_SECONDS", 60)  # a busy machine is slow
    make_staff()

    assert at_once(["staff"] * 2, PASSWORD)[0] == [302, 302]


@pytest.fixture
def somebody_at_the_door(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpRequest]:
    """A sign-in of this name from this address, which is not over for long."""
    monkeypatch.setattr(guesses, "WAIT_SECONDS", 0.1)
    request = rf.post(SHOP)
    assert guesses.begin(request, "staff")
    yield request
    guesses.end(request)


@pytest.mark.parametrize("door", BOTH)
def test_while_a_sign_in_is_under_way_another_one_is_told_to_wait(somebody_at_the_door: HttpRequest, door: str) -> None:
    make_staff()

    busy = knock(Client(), door, "staff", PASSWORD)
    elsewhere = knock(Client(REMOTE_ADDR="192.0.2.7"), door, "staff", PASSWORD)
    guesses.end(somebody_at_the_door)
    after = knock(Client(), door, "staff", PASSWORD)

    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    assert "Another sign-in is in progress" in busy.text
    assert "unlock" not in busy.text
    assert (elsewhere.status_code, after.status_code) == (302, 302)
    assert not AccessAttempt.objects.exists()


def test_while_a_sign_in_is_under_way_no_password_is_changed(client: Client, somebody_at_the_door: HttpRequest) -> None:
    client.force_login(make_staff())
    typed = {"old_password": PASSWORD, "new_password1": "x8-Kd92-ppq", "new_password2": "x8-Kd92-ppq"}

    assert client.post("/admin/password_change/", typed).status_code == 429


def test_a_sign_in_that_breaks_down_does_not_stay_under_way() -> None:
    make_staff()
    with patch.object(MD5PasswordHasher, "encode", side_effect=RuntimeError("a bug")), pytest.raises(RuntimeError):
        knock(Client(), SHOP, "staff")

    assert knock(Client(), SHOP, "staff", PASSWORD).status_code == 302


def test_a_cache_that_is_down_shuts_nobody_out(settings: Settings, tmp_path: Path) -> None:
    settings.CACHES = caches_setting("CACHE_URL", "redis://127.0.0.1:9/0", tmp_path)
    make_staff()

    assert knock(Client(), SHOP, "staff").status_code == 200
    assert knock(Client(), SHOP, "staff", PASSWORD).status_code == 302
