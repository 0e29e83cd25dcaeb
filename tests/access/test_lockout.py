"""Lock-out after too many failed logins, for existing and unknown user names."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import travel

from tests.factories import make_staff, make_user
from tests.sign_in import ADMIN, BOTH, PASSWORD, SHOP, send_password

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 5
LIST = "/admin/access/signinfailure/"


def lock_out(page: str, name: str = "staff", **more: Any) -> Any:
    """Fail until the lock-out and return the last response."""
    client = Client()
    answers = [send_password(client, page, name, **more) for _try in range(LIMIT)]
    return answers[-1]


@pytest.mark.parametrize("page", BOTH)
def test_fifth_failure_locks_out_even_the_right_password(page: str) -> None:
    make_staff()

    answer = lock_out(page)
    after = send_password(Client(), page, "staff", PASSWORD)

    assert [answer.status_code, after.status_code] == [429, 429]
    assert 0 < int(after.headers["Retry-After"]) <= 15 * 60
    assert "Please try again in 15 minutes" in answer.text
    assert "sessionid" not in after.cookies


@pytest.mark.parametrize("page", BOTH)
def test_a_lockout_is_explained_in_korean(page: str) -> None:
    assert '<html lang="ko"' in lock_out(page, HTTP_ACCEPT_LANGUAGE="ko").text


def test_lockout_at_the_shop_applies_at_the_admin() -> None:
    make_staff()
    lock_out(SHOP)

    assert send_password(Client(), ADMIN, "staff", PASSWORD).status_code == 429


@pytest.mark.parametrize("page", BOTH)
def test_existing_and_unknown_usernames_get_the_same_responses(page: str) -> None:
    make_staff(name="worker")
    make_user("closed", is_active=False)

    def answers(name: str, password: str = "wrong") -> list[tuple[int, str]]:
        client = Client(HTTP_USER_AGENT=name)
        client.get(page)
        token = client.cookies["csrftoken"].value
        return [
            (answer.status_code, answer.text.replace(name, "").replace(token, "").partition("<main")[2])
            for answer in (send_password(client, page, name, password) for _try in range(LIMIT))
        ]

    unknown = [_without_tokens(answer) for answer in answers("nobody")]

    assert [_without_tokens(answer) for answer in answers("worker")] == unknown
    assert [_without_tokens(answer) for answer in answers("closed", PASSWORD)] == unknown
    assert [status for status, _text in unknown] == [200, 200, 200, 200, 429]


def _without_tokens(answer: tuple[int, str]) -> tuple[int, str]:
    status, text = answer
    own = ("csrfmiddlewaretoken", 'id="request-number"')
    return status, "".join(line for line in text.splitlines() if not any(name in line for name in own))


@pytest.mark.parametrize("name", ["staff", "nobody", "closed"])
def test_every_username_costs_one_password_hash(client: Client, name: str) -> None:
    make_staff()
    make_user("closed", is_active=False)
    with patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode) as hashed:
        send_password(client, SHOP, name)

    assert hashed.call_count == 1


def test_buyer_and_unknown_user_get_the_same_response_at_the_admin(client: Client) -> None:
    make_user("buyer")

    right = send_password(client, ADMIN, "buyer", PASSWORD)
    wrong = send_password(client, ADMIN, "nobody", PASSWORD)

    said = "Please enter the correct username and password for a staff account"
    assert (right.status_code, said in right.text) == (wrong.status_code, said in wrong.text) == (200, True)
    assert wrong.text.count("errornote") == 1


def test_lockout_ends_in_time_and_further_attempts_do_not_extend_it() -> None:
    make_staff()
    with travel(timezone.now(), tick=False) as clock:
        lock_out(SHOP)
        clock.shift(timedelta(minutes=14))
        still = send_password(Client(), SHOP, "staff", PASSWORD)
        clock.shift(timedelta(minutes=1, seconds=1))
        opened = send_password(Client(), SHOP, "staff", PASSWORD)

    assert (still.status_code, still.headers["Retry-After"]) == (429, "60")
    assert opened.status_code == 302


def test_owner_can_sign_in_from_another_address_during_a_lockout() -> None:
    make_staff()
    lock_out(SHOP)

    assert send_password(Client(REMOTE_ADDR="192.0.2.7"), SHOP, "staff", PASSWORD).status_code == 302


def test_many_names_from_one_address_lock_out_the_address(settings: Settings) -> None:
    settings.LOGIN_ADDRESS_LIMIT = 12
    make_staff()
    for number in range(12):
        answer = send_password(Client(), SHOP, f"name{number}")

    assert answer.status_code == 429
    assert send_password(Client(), SHOP, "staff", PASSWORD).status_code == 429
    assert send_password(Client(REMOTE_ADDR="192.0.2.7"), SHOP, "staff", PASSWORD).status_code == 302


@pytest.mark.parametrize(("behind_proxy", "status"), [(True, 302), (False, 429)])
def test_a_forwarded_address_counts_behind_a_proxy_only(settings: Settings, behind_proxy: bool, status: int) -> None:
    settings.BEHIND_PROXY = behind_proxy
    make_staff()
    lock_out(SHOP, HTTP_X_FORWARDED_FOR="198.51.100.1")

    forged = "198.51.100.1, 198.51.100.2"
    assert send_password(Client(), SHOP, "staff", PASSWORD, HTTP_X_FORWARDED_FOR=forged).status_code == status


@pytest.mark.parametrize("forwarded", ["", "nonsense", "198.51.100.1, \x00"])
def test_unreadable_addresses_count_as_one_address(settings: Settings, forwarded: str) -> None:
    settings.BEHIND_PROXY = True

    assert lock_out(SHOP, HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR="").status_code == 429


def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    for number in range(LIMIT):
        answer = send_password(Client(), SHOP, "staff", REMOTE_ADDR=f"2001:db8:1:2::{number}")

    assert answer.status_code == 429


def test_networks_of_one_customer_are_locked_out_together(client: Client, settings: Settings) -> None:
    settings.LOGIN_ADDRESS_LIMIT = 6
    make_staff()
    networks = [Client(REMOTE_ADDR=f"2001:db8:1:{number}::1") for number in range(8)]
    for number, network in enumerate(networks[:6]):
        answer = send_password(network, SHOP, f"name{number}")
    neighbour, stranger = networks[7], Client(REMOTE_ADDR="2001:db8:1:100::1")

    assert answer.status_code == 429
    assert send_password(neighbour, SHOP, "staff", PASSWORD).status_code == 429
    assert send_password(stranger, SHOP, "staff", PASSWORD).status_code == 302

    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    assert client.get(LIST).text.count("Address locked") == 6
    first = AccessAttempt.objects.values_list("pk", flat=True)[:1]
    client.post(LIST, {"action": "unlock_selected", "_selected_action": list(first)})
    assert send_password(neighbour, SHOP, "staff", PASSWORD).status_code == 302


def test_successful_login_resets_the_failures_of_its_username(client: Client) -> None:
    make_staff()
    for _round in range(3):
        for _try in range(LIMIT - 1):
            send_password(client, SHOP, "staff")
        assert send_password(client, SHOP, "staff", PASSWORD).status_code == 302


def test_login_to_one_account_resets_no_failures_of_another() -> None:
    make_staff()
    make_user("mine")
    for _try in range(LIMIT - 1):
        send_password(Client(), SHOP, "staff")
    send_password(Client(), SHOP, "mine", PASSWORD)

    assert send_password(Client(), SHOP, "staff").status_code == 429


def test_typed_values_are_neither_stored_nor_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for _try in range(2):
        client.post(SHOP, {"username": "staff", "password": "hunter2", "passwort": "hunter3"})

    kept = str(list(AccessAttempt.objects.values()))
    assert "hunter" not in kept + caplog.text
    assert "csrf" not in kept


def test_wrong_old_password_counts_on_the_password_change_page(client: Client) -> None:
    client.force_login(make_staff())
    typed = {"new_password1": "x8-Kd92-ppq", "new_password2": "x8-Kd92-ppq"}
    answers = [client.post("/admin/password_change/", {"old_password": "no", **typed}) for _try in range(LIMIT)]
    late = client.post("/admin/password_change/", {"old_password": PASSWORD, **typed})

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert late.status_code == 429


# --- Counted for all processes ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_failures_in_another_process_count_here(child_environment: Callable[..., dict[str, str]]) -> None:
    make_staff()
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        f"for _try in range({LIMIT - 1}): Client().post('{SHOP}', {{'username': 'staff', 'password': 'wrong'}})\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=child_environment(DEBUG="true"), check=True)

    assert send_password(Client(), SHOP, "staff").status_code == 429


# --- The list, and unlocking --------------------------------------------------------------------------------------


def unlock(client: Client) -> Any:
    chosen = AccessAttempt.objects.values_list("pk", flat=True)
    return client.post(LIST, {"action": "unlock_selected", "_selected_action": list(chosen)}, follow=True)


def test_superuser_sees_and_unlocks_locked_out_users(client: Client) -> None:
    make_staff()
    lock_out(SHOP)
    admin = make_user("root", is_staff=True, is_superuser=True)
    client.force_login(admin)

    assert "Locked" in client.get(LIST).text
    assert "1 entry unlocked." in unlock(client).text
    assert send_password(Client(), SHOP, "staff", PASSWORD).status_code == 302
    assert LogEntry.objects.get().user == admin


def test_unlocking_a_locked_address_deletes_all_its_failures(client: Client, settings: Settings) -> None:
    settings.LOGIN_ADDRESS_LIMIT = 6
    make_staff()
    for name in ("one", "two", "three") * 2:
        send_password(Client(), SHOP, name)
    client.force_login(make_user("root", is_staff=True, is_superuser=True))

    assert "Address locked" in client.get(LIST).text
    first = AccessAttempt.objects.values_list("pk", flat=True)[:1]
    client.post(LIST, {"action": "unlock_selected", "_selected_action": list(first)})
    assert send_password(Client(), SHOP, "staff", PASSWORD).status_code == 302


def test_staff_with_the_permission_can_view_but_not_unlock(client: Client) -> None:
    lock_out(SHOP, "somebody")
    client.force_login(make_staff("view_signinfailure"))

    assert "somebody" in client.get(LIST).text
    assert "unlocked" not in unlock(client).text
    assert AccessAttempt.objects.exists()


def test_staff_without_the_permission_see_no_failures(client: Client) -> None:
    client.force_login(make_staff())

    assert client.get(LIST).status_code == 403


def test_command_unlocks_a_username() -> None:
    make_staff()
    lock_out(SHOP)
    call_command("axes_reset_username", "staff", verbosity=0)

    assert send_password(Client(), SHOP, "staff", PASSWORD).status_code == 302
