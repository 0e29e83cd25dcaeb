"""The admin's two-factor pages: set up, renew codes, turn off, and reset another user's device."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import travel

from access.models import Authenticator
from access.two_factor.service import CodeRefused, check_code
from core.admin.log import told
from tests.factories import make_staff, make_user
from tests.sign_in import ADMIN, PASSWORD, code_of, is_signed_in, send_password, with_device

pytestmark = pytest.mark.django_db

PAGE = "/admin/two-factor/"


@pytest.fixture
def staff() -> User:
    return make_staff()


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def prove(client: Client, page: str, code: str, password: str = PASSWORD) -> Any:
    return client.post(f"{PAGE}{page}/", {"code": code, "password": password})


def begin(client: Client, user: User) -> Authenticator:
    client.post(f"{PAGE}begin/")
    return Authenticator.objects.get(user=user, confirmed=False)


def signed_in_with(device: Authenticator, code: str) -> Client:
    client = Client()
    send_password(client, ADMIN, device.user.get_username(), PASSWORD)
    client.post(f"{ADMIN}code/", {"code": code})
    return client


def backup_codes(page: str) -> list[str]:
    return re.findall(r"<li>([a-z2-7-]{19})</li>", page)


def test_setting_up_shows_a_qr_code_and_ends_with_ten_backup_codes(desk: Client, staff: User) -> None:
    assert "Set it up" in desk.get(PAGE).text
    device = begin(desk, staff)
    page = desk.get(f"{PAGE}set-up/").text
    assert "<svg" in page
    assert device.secret in page.replace(" ", "")

    answer = prove(desk, "set-up", code_of(device))

    codes = backup_codes(answer.text)
    assert len(set(codes)) == 10
    assert is_signed_in(desk)
    assert "Backup codes left" in desk.get(PAGE).text
    check_code(user=staff, code=codes[9])


def test_backup_codes_are_shown_once(desk: Client, staff: User) -> None:
    device = begin(desk, staff)
    code = code_of(device)
    prove(desk, "set-up", code)

    assert prove(desk, "set-up", code).headers["Location"] == PAGE
    assert backup_codes(desk.get(PAGE).text) == []


def test_pages_with_secrets_are_not_cached(desk: Client, staff: User) -> None:
    begin(desk, staff)

    assert "no-store" in desk.get(f"{PAGE}set-up/").headers["Cache-Control"]


def test_two_factor_is_off_until_a_code_confirms_it(desk: Client, staff: User) -> None:
    begin(desk, staff)
    answer = prove(desk, "set-up", "000000")

    assert "Wrong or already used code" in answer.text
    assert is_signed_in(Client()) is False
    other = Client()
    assert send_password(other, ADMIN, "staff", PASSWORD).headers["Location"] == "/admin/"


def test_setting_up_needs_the_password(desk: Client, staff: User) -> None:
    device = begin(desk, staff)
    answer = prove(desk, "set-up", code_of(device), password="wrong")

    assert "Wrong password." in answer.text
    assert not Authenticator.objects.filter(confirmed=True).exists()


def test_wrong_passwords_and_codes_count_on_these_pages(desk: Client, staff: User) -> None:
    begin(desk, staff)
    answers = [prove(desk, "set-up", "000000", password="wrong") for _try in range(5)]

    assert answers[-1].status_code == 429


def test_unconfirmed_device_is_visible_in_its_own_session_only(desk: Client, staff: User) -> None:
    other = Client()
    other.force_login(staff)
    device = begin(desk, staff)

    seen = other.get(f"{PAGE}set-up/")
    taken = prove(other, "set-up", code_of(device))

    assert (seen.headers["Location"], taken.headers["Location"]) == (PAGE, PAGE)
    assert device.secret in desk.get(f"{PAGE}set-up/").text.replace(" ", "")
    assert not Authenticator.objects.filter(confirmed=True).exists()


def test_restarting_the_set_up_elsewhere_ends_it_here(desk: Client, staff: User) -> None:
    other = Client()
    other.force_login(staff)
    begin(desk, staff)
    device = begin(other, staff)

    answer = prove(desk, "set-up", code_of(device))

    assert answer.headers["Location"] == PAGE
    assert "This setup has expired" in desk.get(PAGE).text
    assert len(backup_codes(prove(other, "set-up", code_of(device)).text)) == 10


def test_set_up_expires_after_fifteen_minutes(desk: Client, staff: User) -> None:
    with travel(timezone.now(), tick=False) as clock:
        device = begin(desk, staff)
        clock.shift(timedelta(minutes=14, seconds=58))
        in_time = desk.get(f"{PAGE}set-up/")
        clock.shift(timedelta(seconds=3))
        late = prove(desk, "set-up", code_of(device))

    assert in_time.status_code == 200
    assert late.headers["Location"] == PAGE
    assert not Authenticator.objects.filter(confirmed=True).exists()


def test_setting_up_ends_all_other_sessions(desk: Client, staff: User) -> None:
    other = Client()
    other.force_login(staff)
    prove(desk, "set-up", code_of(begin(desk, staff)))

    assert is_signed_in(desk)
    assert not is_signed_in(other)


def test_new_device_replaces_the_old_one_when_confirmed(staff: User) -> None:
    old, old_codes = with_device(staff)
    desk = signed_in_with(old, code_of(old))
    new = begin(desk, staff)
    assert is_signed_in(desk)
    prove(desk, "set-up", code_of(new))

    assert is_signed_in(desk)
    assert Authenticator.objects.get() == new
    with pytest.raises(CodeRefused):
        check_code(user=staff, code=old_codes[0])


def test_new_backup_codes_replace_the_old(staff: User) -> None:
    device, old = with_device(staff)
    desk = signed_in_with(device, code_of(device))
    answer = prove(desk, "backup-codes", code_of(device, steps=1))

    new = backup_codes(answer.text)
    assert len(new) == 10
    assert not set(new) & set(old)
    check_code(user=staff, code=new[0])
    with pytest.raises(CodeRefused):
        check_code(user=staff, code=old[0])


@pytest.mark.parametrize("page", ["off", "backup-codes"])
@pytest.mark.parametrize("missing", ["code", "password"])
def test_both_password_and_code_are_needed_for_a_change(staff: User, page: str, missing: str) -> None:
    device, codes = with_device(staff)
    desk = signed_in_with(device, code_of(device))
    wrong = {"code": {"code": "000000"}, "password": {"code": codes[0], "password": "wrong"}}[missing]
    answer = prove(desk, page, **wrong)

    assert f'data-field="{missing}"' in answer.text
    assert device.backup_codes.count() == 10


def test_backup_code_turns_two_factor_off(staff: User) -> None:
    device, codes = with_device(staff)
    desk = signed_in_with(device, codes[0])
    prove(desk, "off", codes[1])

    assert "Set it up" in desk.get(PAGE).text
    assert not Authenticator.objects.exists()
    assert list(map(told, LogEntry.objects.order_by("pk"))) == [
        "Two-factor sign-in was set up.",
        "Two-factor sign-in was turned off.",
    ]


@pytest.mark.parametrize("page", ["set-up", "off", "backup-codes"])
def test_unavailable_pages_redirect_to_the_overview(desk: Client, page: str) -> None:
    assert desk.get(f"{PAGE}{page}/").headers["Location"] == PAGE
    assert prove(desk, page, "000000").headers["Location"] == PAGE


@pytest.mark.parametrize("page", ["", "begin/", "set-up/", "off/", "backup-codes/"])
def test_two_factor_pages_are_for_staff_only(client: Client, page: str) -> None:
    client.force_login(make_user("buyer"))

    assert client.get(f"{PAGE}{page}").headers["Location"].startswith(ADMIN)


@pytest.mark.parametrize("page", ["begin/"])
def test_get_requests_change_nothing(desk: Client, page: str) -> None:
    assert desk.get(f"{PAGE}{page}").status_code == 405
    assert not Authenticator.objects.exists()


# --- At rest ------------------------------------------------------------------------------------------------------


def test_database_contains_neither_secret_nor_backup_codes(staff: User) -> None:
    device, codes = with_device(staff)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM access_authenticator")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT * FROM access_backupcode")
        rows += str(cursor.fetchall())

    assert device.secret not in rows
    assert not any(code in rows or code.replace("-", "") in rows for code in codes)


def test_without_the_key_backup_codes_still_sign_in(staff: User, settings: Settings) -> None:
    device, codes = with_device(staff)
    code = code_of(device)
    settings.ENCRYPTION_KEYS = ("x4PcQmm8m3nHPQvxyyoRBkEqoEsOUaHPyaWN-Tl7w0s=",)

    with pytest.raises(CodeRefused):
        check_code(user=staff, code=code)
    Authenticator.objects.update(throttling_failure_count=0)
    check_code(user=staff, code=codes[0])


def test_set_up_with_an_unreadable_secret_starts_again(desk: Client, staff: User, settings: Settings) -> None:
    begin(desk, staff)
    settings.ENCRYPTION_KEYS = ("x4PcQmm8m3nHPQvxyyoRBkEqoEsOUaHPyaWN-Tl7w0s=",)

    assert desk.get(f"{PAGE}set-up/").headers["Location"] == PAGE
    begin(desk, staff)
    assert desk.get(f"{PAGE}set-up/").status_code == 200


# --- Resetting another user's device ------------------------------------------------------------------------------


def reset_page(device: Authenticator) -> str:
    return f"/admin/access/authenticator/{device.pk}/delete/"


def test_superuser_resets_a_device_and_the_reset_is_logged(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    admin = make_user("root", is_staff=True, is_superuser=True)
    client.force_login(admin)
    change = f"/admin/access/authenticator/{device.pk}/change/"
    assert "Reset…" in client.get(change).text
    assert "can then sign in with the password alone" in client.get(reset_page(device)).text

    client.post(reset_page(device), {"post": "yes"})

    assert send_password(Client(), ADMIN, "staff", PASSWORD).headers["Location"] == "/admin/"
    assert LogEntry.objects.filter(user=admin, object_id=str(staff.pk), object_repr="staff").exists()


def test_only_superusers_reset_a_device(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    client.force_login(make_staff("view_authenticator", name="curious"))

    assert client.get(f"/admin/access/authenticator/{device.pk}/change/").status_code == 200
    assert client.post(reset_page(device), {"post": "yes"}).status_code == 403
    assert Authenticator.objects.exists()


def test_device_list_shows_no_secret(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    pages = client.get("/admin/access/authenticator/").text
    pages += client.get(f"/admin/access/authenticator/{device.pk}/change/").text

    assert "staff" in pages
    assert device.secret not in pages
    assert device.encrypted_secret not in pages


def test_command_resets_the_device_of_the_last_superuser(staff: User) -> None:
    with_device(staff)
    for _try in range(5):
        send_password(Client(), ADMIN, "staff")
    call_command("two_factor_reset", "staff")

    assert send_password(Client(), ADMIN, "staff", PASSWORD).headers["Location"] == "/admin/"


def test_the_command_refuses_an_unknown_name() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("two_factor_reset", "nobody")

    assert refused.value.returncode == 2
