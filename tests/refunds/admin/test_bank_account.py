"""A refund's bank account: masked, shown in full with a permission, logged before it is shown, deleted in time."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from refunds.models import RefundAccount, RefundEvent, RefundRecord
from refunds.services.bank_accounts import drop_old_accounts
from refunds.tasks import prune
from tests.admin_pages import codes, sign_in
from tests.factories import ACCOUNT_DIGITS, make_refund, make_staff, make_stored_account

pytestmark = pytest.mark.django_db

HOLDER = "홍길동"
MASKED = "•••• 6789"


@pytest.fixture
def refund() -> RefundRecord:
    refund = make_refund()
    make_stored_account(refund)
    return refund


@pytest.fixture
def viewer(client: Client) -> Client:
    return sign_in(client, make_staff("view_refundrecord", "view_account"))


def detail(refund: RefundRecord) -> str:
    return f"/admin/refunds/refundrecord/{refund.pk}/change/"


def account_url(refund: RefundRecord) -> str:
    return f"/admin/refunds/refundrecord/{refund.pk}/account/"


def days_ago(days: float) -> dict[str, object]:
    at = timezone.now() - timedelta(days=days)
    return {"settled_at": at, "requested_at": at}


def test_the_page_of_a_refund_shows_the_last_digits_only(viewer: Client, refund: RefundRecord) -> None:
    page = viewer.get(detail(refund)).text
    assert MASKED in page
    assert account_url(refund) in page
    assert ACCOUNT_DIGITS not in page
    assert HOLDER not in page


def test_account_is_shown_once_and_the_timeline_records_the_viewer(viewer: Client, refund: RefundRecord) -> None:
    answer = viewer.post(account_url(refund))

    assert ACCOUNT_DIGITS in answer.text
    assert HOLDER in answer.text
    assert "no-store" in answer["Cache-Control"]
    event = RefundEvent.objects.get(code="account_shown")
    assert (event.refund, event.actor, event.message, set(event.data)) == (refund, "staff", "", {"request_id"})
    again = viewer.get(detail(refund)).text
    assert "Account viewed" in again
    assert ACCOUNT_DIGITS not in again


def test_account_is_not_shown_if_the_timeline_cannot_be_written(
    viewer: Client, refund: RefundRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(RefundEvent, "save", fail)
    viewer.raise_request_exception = False
    answer = viewer.post(account_url(refund))
    assert answer.status_code == 500
    assert ACCOUNT_DIGITS not in answer.text


def test_account_is_neither_in_the_session_nor_in_the_url(viewer: Client, refund: RefundRecord) -> None:
    answer = viewer.post(account_url(refund))
    assert "Location" not in answer
    assert not any(ACCOUNT_DIGITS in str(session.get_decoded()) for session in Session.objects.all())
    assert "messages" not in answer.cookies
    assert viewer.get(account_url(refund)).status_code == 405


@pytest.mark.parametrize(
    "permissions", [(), ("view_refundrecord",), ("refund_payment", "resolve_refund"), ("view_account",)]
)
def test_without_the_permission_there_is_no_button_and_no_account(
    client: Client, refund: RefundRecord, permissions: tuple[str, ...]
) -> None:
    sign_in(client, make_staff(*permissions))
    assert account_url(refund) not in client.get(detail(refund)).text
    assert client.post(account_url(refund)).status_code == 403
    assert not RefundEvent.objects.exists()


def test_deleted_account_is_shown_with_its_deletion_day(
    viewer: Client, refund: RefundRecord, settings: Settings
) -> None:
    now = timezone.now() + timedelta(days=settings.REFUND_ACCOUNT_KEEP_DAYS, seconds=1)
    assert drop_old_accounts(now) == 1

    page = viewer.get(detail(refund)).text
    shown = viewer.post(account_url(refund)).text
    day = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    for text in (page, shown):
        assert f"deleted at {day}" in text
        assert "account_not_kept" in codes(text)
    assert "Account deleted" in page


def test_account_that_was_never_stored_is_reported_as_such(viewer: Client) -> None:
    assert "was never stored" in viewer.get(detail(make_refund())).text


def test_a_refund_without_an_account_shows_none(viewer: Client) -> None:
    refund = make_refund(refund_bank="", refund_account_last4="")
    assert "Refund account" not in viewer.get(detail(refund)).text
    assert viewer.post(account_url(refund)).status_code == 404


def test_undecryptable_account_causes_no_server_error(viewer: Client, refund: RefundRecord, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    answer = viewer.post(account_url(refund))
    assert answer.status_code == 200
    assert "account_unreadable" in codes(answer.text)
    assert not RefundEvent.objects.exists()


def test_accounts_are_deleted_at_the_end_of_their_retention(settings: Settings) -> None:
    settings.REFUND_ACCOUNT_KEEP_DAYS = 10
    old, young = make_refund(**days_ago(10.1)), make_refund(**days_ago(9.9))
    still_open = make_refund(status="unknown", requested_at=timezone.now() - timedelta(days=99))
    for refund in (old, young, still_open):
        make_stored_account(refund)

    assert drop_old_accounts(timezone.now()) == 1
    assert {kept.refund for kept in RefundAccount.objects.all()} == {young, still_open}
    event = RefundEvent.objects.get()
    assert (event.refund, event.code, event.status) == (old, "account_dropped", "succeeded")
    assert drop_old_accounts(timezone.now()) == 0


def test_prune_command_reports_what_it_deleted() -> None:
    make_stored_account(make_refund(**days_ago(40)))
    out = StringIO()
    call_command("prune", "--json", stdout=out)
    document = json.loads(out.getvalue())
    assert document["ok"]
    assert document["pruned"]["refund_accounts"] == 1


def test_the_nightly_task_prunes() -> None:
    make_stored_account(make_refund(**days_ago(40)))
    prune()
    assert not RefundAccount.objects.exists()


@pytest.mark.browser
def test_account_is_hidden_again_in_the_browser(
    page: Page, live_server: LiveServer, client: Client, refund: RefundRecord
) -> None:
    sign_in(client, make_staff("view_refundrecord", "view_account"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.clock.install()
    page.goto(live_server.url + detail(refund))
    page.locator("[data-show-account] button").click()
    expect(page.locator("#refund-account")).to_contain_text(ACCOUNT_DIGITS)
    expect(page.locator("#refund-timeline")).to_contain_text("staff")
    assert page.url.endswith("/change/")
    page.clock.fast_forward(61_000)
    expect(page.locator("#refund-account")).to_contain_text(MASKED)
    expect(page.locator("#refund-account")).not_to_contain_text(ACCOUNT_DIGITS)

    page.locator("[data-show-account] button").click()
    expect(page.locator("#refund-account")).to_contain_text(ACCOUNT_DIGITS)
    page.reload()
    expect(page.locator("#refund-account")).not_to_contain_text(ACCOUNT_DIGITS)
