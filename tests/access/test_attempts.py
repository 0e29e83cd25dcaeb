"""Parallel login attempts: no more of them pass a limit than sequential ones."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tests.factories import make_staff
from tests.sign_in import PASSWORD, SHOP, send_password

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 5


def at_once(names: list[str], password: str = "wrong") -> tuple[list[int], int]:
    """Send a password for these names in parallel; return the statuses, and how many passwords were compared."""
    barrier = threading.Barrier(len(names))
    compare, compared = MD5PasswordHasher.encode, []

    def slowly(*given: Any) -> str:
        compared.append(given)
        time.sleep(0.05)
        return compare(*given)

    def attempt(name: str) -> int:
        barrier.wait()
        try:
            return int(send_password(Client(), SHOP, name, password).status_code)
        finally:
            connection.close()

    with patch.object(MD5PasswordHasher, "encode", slowly), ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(attempt, names)), len(compared)


def counted() -> int:
    return sum(AccessAttempt.objects.values_list("failures_since_start", flat=True))


@pytest.mark.parametrize("name", ["staff", "nobody"])
def test_parallel_attempts_do_not_exceed_the_limit_of_a_username(name: str) -> None:
    make_staff()

    answers, compared = at_once([name] * 24)

    assert set(answers) <= {200, 429}
    assert compared <= LIMIT
    assert counted() == compared


def test_parallel_attempts_do_not_exceed_the_limit_of_an_address(settings: Settings) -> None:
    settings.LOGIN_ADDRESS_LIMIT = 4

    answers, compared = at_once([f"name{number}" for number in range(24)])

    assert set(answers) <= {200, 429}
    assert compared <= 4
    assert counted() == compared


def test_parallel_failures_are_all_counted(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = settings.LOGIN_ADDRESS_LIMIT = 100

    answers, _compared = at_once([f"name{number}" for number in range(8)])

    assert (set(answers), counted()) == ({200}, 8)


def test_double_click_signs_in_twice_and_counts_no_failure() -> None:
    make_staff()

    assert at_once(["staff"] * 2, PASSWORD)[0] == [302, 302]
    assert counted() == 0


def test_crashed_attempt_counts_as_a_failure_until_a_right_password() -> None:
    make_staff()
    with patch.object(MD5PasswordHasher, "encode", side_effect=RuntimeError("a bug")), pytest.raises(RuntimeError):
        send_password(Client(), SHOP, "staff")

    assert counted() == 1
    assert send_password(Client(), SHOP, "staff", PASSWORD).status_code == 302
    assert counted() == 0
