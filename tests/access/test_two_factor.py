"""The second factor: required on both login pages, each code works once, and a session without it is not signed in."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import travel

from access.models import Authenticator, BackupCode
from access.tokens.service import create_token
from access.two_factor.service import CodeRefused, check_code
from tests.factories import make_payment, make_staff, make_user
from tests.sign_in import ADMIN, BOTH, PASSWORD, SHOP, code_of, is_signed_in, send_password, with_device

pytestmark = pytest.mark.django_db

PAYMENT = "/payments/order-two-factor"


@pytest.fixture
def staff() -> User:
    return make_staff("view_payment", "refund_payment")


def give_code(client: Client, page: str, code: str) -> Any:
    return client.post(f"{page}code/", {"code": code})


def may_use_api(client: Client) -> bool:
    return client.get(PAYMENT).status_code == 200


@pytest.fixture(autouse=True)
def payment() -> None:
    make_payment(merchant_uid="order-two-factor")


# --- Signing in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", BOTH)
def test_an_account_with_a_device_signs_in_with_password_and_code(client: Client, staff: User, page: str) -> None:
    device, _codes = with_device(staff)
    first = send_password(client, f"{page}?next=/admin/payments/payment/", "staff", PASSWORD)
    assert first.headers["Location"] == f"{page}code/"
    assert "authenticator app" in client.get(f"{page}code/").text

    second = give_code(client, page, code_of(device))

    assert second.headers["Location"] == "/admin/payments/payment/"
    assert is_signed_in(client)
    assert may_use_api(client)


@pytest.mark.parametrize("page", BOTH)
def test_password_alone_gives_no_access(client: Client, staff: User, page: str) -> None:
    with_device(staff)
    send_password(client, page, "staff", PASSWORD)

    assert not is_signed_in(client)
    assert not may_use_api(client)
    assert client.get("/admin/two-factor/").status_code == 302
    assert "Sign in" in client.get("/").text


@pytest.mark.parametrize("page", BOTH)
def test_account_without_a_device_needs_no_code(client: Client, staff: User, page: str) -> None:
    send_password(client, page, "staff", PASSWORD)

    assert is_signed_in(client)


@pytest.mark.parametrize("page", BOTH)
def test_code_page_needs_the_password_first(client: Client, staff: User, page: str) -> None:
    device, _codes = with_device(staff)

    assert client.get(f"{page}code/").headers["Location"] == page
    assert give_code(client, page, code_of(device)).headers["Location"] == page
    assert not is_signed_in(client)


def test_a_code_works_once(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    code = code_of(device)
    send_password(client, ADMIN, "staff", PASSWORD)
    give_code(client, ADMIN, code)
    thief = Client()
    send_password(thief, ADMIN, "staff", PASSWORD)

    answer = give_code(thief, ADMIN, code)

    assert "Wrong or already used code" in answer.text
    assert not is_signed_in(thief)


def test_code_of_an_earlier_step_is_rejected_after_a_later_one(staff: User) -> None:
    device, _codes = with_device(staff)
    check_code(user=staff, code=code_of(device, steps=1))

    with pytest.raises(CodeRefused, match="already used"):
        check_code(user=staff, code=code_of(device))


@pytest.mark.parametrize("typed", ["{0}", "{0} ", "{1} {2}"])
def test_a_code_may_be_typed_with_spaces(staff: User, typed: str) -> None:
    code = code_of(with_device(staff)[0])

    check_code(user=staff, code=typed.format(code, code[:3], code[3:]))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "-12345", "abcdef", "\ud800", "a" * 40])
def test_malformed_code_is_rejected_and_counts(staff: User, code: str) -> None:
    device, _codes = with_device(staff)

    with pytest.raises(CodeRefused) as refused:
        check_code(user=staff, code=code)

    device.refresh_from_db()
    assert (refused.value.code, device.throttling_failure_count) == ("wrong_code", 1)


def test_a_backup_code_works_once_and_in_capitals(client: Client, staff: User) -> None:
    _device, codes = with_device(staff)
    send_password(client, SHOP, "staff", PASSWORD)
    give_code(client, SHOP, codes[3].upper().replace("-", " "))
    assert is_signed_in(client)

    with pytest.raises(CodeRefused):
        check_code(user=staff, code=codes[3])
    assert BackupCode.objects.filter(used_at=None).count() == 9


def test_delay_grows_with_each_wrong_code(staff: User) -> None:
    device, _codes = with_device(staff)
    refusals = []
    with travel(timezone.now(), tick=False) as clock:
        for wait in (0, 1, 2, 4):
            clock.shift(wait - 0.5 if wait else 0)
            refusals.append(refusal_of(staff, code_of(device) if wait else "000000"))
            clock.shift(0.5 if wait else 0)
            refusals.append(refusal_of(staff, "000000") if wait else "")

    assert refusals == ["wrong_code", "", *["too_many_codes", "wrong_code"] * 3]


def refusal_of(user: User, code: str) -> str:
    with pytest.raises(CodeRefused) as refused:
        check_code(user=user, code=code)
    return refused.value.code


def test_attacker_cannot_lock_the_owner_out_for_more_than_minutes(staff: User) -> None:
    device, _codes = with_device(staff)
    Authenticator.objects.update(throttling_failure_count=10, throttling_failure_timestamp=timezone.now())
    with travel(timezone.now() + timedelta(minutes=9), tick=False):
        assert refusal_of(staff, "000000") == "wrong_code"
    with travel(timezone.now() + timedelta(minutes=18), tick=False):
        check_code(user=staff, code=code_of(device))


def test_wrong_codes_lock_out_like_wrong_passwords(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    for _try in range(3):
        send_password(client, ADMIN, "staff")
    with travel(timezone.now()) as clock:
        send_password(client, ADMIN, "staff", PASSWORD)
        give_code(client, ADMIN, "000000")
        clock.shift(2)
        last = give_code(client, ADMIN, "000000")
        late = give_code(client, ADMIN, code_of(device))

    assert (last.status_code, late.status_code) == (429, 429)
    assert "Please try again in 15 minutes" in late.text
    assert not is_signed_in(client)


def test_code_must_follow_the_password_within_minutes(client: Client, staff: User) -> None:
    device, _codes = with_device(staff)
    with travel(timezone.now()) as clock:
        send_password(client, ADMIN, "staff", PASSWORD)
        clock.shift(timedelta(minutes=5, seconds=1))

        assert give_code(client, ADMIN, code_of(device)).headers["Location"] == ADMIN


@pytest.mark.parametrize("change", ["password", "closed"])
def test_account_changed_between_password_and_code_is_not_signed_in(client: Client, staff: User, change: str) -> None:
    device, _codes = with_device(staff)
    send_password(client, ADMIN, "staff", PASSWORD)
    if change == "password":
        staff.set_password("another")
    staff.is_active = change != "closed"
    staff.save()

    assert give_code(client, ADMIN, code_of(device)).headers["Location"] == ADMIN


@pytest.mark.parametrize("page", BOTH)
def test_code_page_redirects_to_this_site_only(client: Client, staff: User, page: str) -> None:
    device, _codes = with_device(staff)
    send_password(client, f"{page}?next=https://evil.example/", "staff", PASSWORD)

    assert give_code(client, page, code_of(device)).headers["Location"] in {"/", "/admin/"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "backup"])
def test_one_code_used_in_parallel_passes_once(staff: User, kind: str) -> None:
    device, codes = with_device(staff)
    code = code_of(device) if kind == "app" else codes[0]
    barrier, passed = threading.Barrier(4), []

    def use() -> None:
        barrier.wait()
        try:
            passed.append(check_code(user=staff, code=code))
        except CodeRefused:
            return
        finally:
            connection.close()

    workers = [threading.Thread(target=use) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(passed) == 1


# --- Sessions without a second factor -----------------------------------------------------------------------------


def test_session_from_before_the_set_up_is_signed_out(client: Client, staff: User) -> None:
    client.force_login(staff)
    assert is_signed_in(client)
    assert may_use_api(client)
    with_device(staff)

    assert not is_signed_in(client)
    assert not may_use_api(client)


def test_api_token_needs_no_second_factor(client: Client, staff: User, settings: Settings) -> None:
    with_device(staff)
    settings.STAFF_TWO_FACTOR = "required"
    _token, text = create_token(user=staff, name="server")

    assert client.get(PAYMENT, HTTP_AUTHORIZATION=f"Token {text}").status_code == 200


def test_another_users_device_does_not_verify_a_session(client: Client, staff: User) -> None:
    with_device(staff)
    other, _codes = with_device(make_staff(name="other"))
    client.force_login(staff)
    session = client.session
    session["otp_device_id"] = other.persistent_id
    session.save()

    assert not is_signed_in(client)


# --- With STAFF_TWO_FACTOR=required -------------------------------------------------------------------------------


def test_required_second_factor_redirects_staff_to_the_set_up(client: Client, staff: User, settings: Settings) -> None:
    settings.STAFF_TWO_FACTOR = "required"
    answer = send_password(client, ADMIN, "staff", PASSWORD)

    assert answer.headers["Location"] == "/admin/two-factor/"
    for path in ("/admin/", "/admin/payments/payment/", "/admin/password_change/", "/admin/nowhere/"):
        assert client.get(path).headers["Location"] == "/admin/two-factor/"
    assert "Two-factor sign-in is required for all staff" in client.get("/admin/two-factor/").text


def test_required_second_factor_blocks_api_sessions_without_it(client: Client, staff: User, settings: Settings) -> None:
    settings.STAFF_TWO_FACTOR = "required"
    client.force_login(staff)
    answer = client.get(PAYMENT)
    assert (answer.status_code, answer.json()["code"]) == (403, "two_factor_required")

    device, _codes = with_device(staff)
    send_password(client, ADMIN, "staff", PASSWORD)
    give_code(client, ADMIN, code_of(device))
    assert may_use_api(client)


def test_required_second_factor_does_not_affect_buyers(client: Client, settings: Settings) -> None:
    settings.STAFF_TWO_FACTOR = "required"
    buyer = make_user("buyer")
    mine = make_payment(user=buyer)
    client.force_login(buyer)

    assert client.get(f"/payments/{mine.merchant_uid}").status_code == 200
