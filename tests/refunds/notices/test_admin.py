"""Managers decide what buyers are told, with a preview; those who refund see what was sent and send it again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from refunds.models import BuyerNotice, NoticeKind, NoticeSettings, NoticeText, RefundRecord
from refunds.notices.send import send_notices
from tests.admin_pages import codes, sign_in
from tests.factories import make_payment, make_staff

pytestmark = pytest.mark.django_db

SETTINGS = "/admin/refunds/buyernotice/settings/"
WORDING = "/admin/refunds/buyernotice/wording/refunded/en/"
LIST = "/admin/refunds/buyernotice/"
GIVEN = {"is_on": "on", "kinds": ["refunded"], "shop": "Linen & Co", "language": "en", "sender": "", "reply_to": ""}


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.SENDS_MAIL, settings.DEFAULT_FROM_EMAIL = True, "desk@shop.example"


@pytest.fixture
def manager(client: Client) -> Client:
    user = make_staff("manage_notices", "refund_payment")
    User.objects.filter(pk=user.pk).update(email="mina@shop.example")
    return sign_in(client, user)


def sent_notice() -> BuyerNotice:
    NoticeSettings.objects.create(on_since=timezone.now(), kinds=NoticeKind.values, shop="Linen & Co", language="en")
    payment = make_payment(buyer_email="buyer@example.com", buyer_name="<b>Hong</b>")
    now = timezone.now()
    refund = RefundRecord.objects.create(
        payment=payment,
        status="succeeded",
        source="api",
        amount=1_000,
        checksum=10_000,
        cancelled_amount=1_000,
        requested_at=now,
        settled_at=now,
        cancelled_at=now,
        expected_by=timezone.localdate() + timedelta(days=7),
    )
    BuyerNotice.objects.create(refund=refund, kind="refunded", next_try_at=now)
    send_notices()
    return BuyerNotice.objects.get()


def test_mails_are_off_until_a_manager_switches_them_on(manager: Client) -> None:
    assert codes(manager.post(SETTINGS, GIVEN | {"shop": "", "kinds": []}).text) == ["required", "required"]
    assert not NoticeSettings.objects.exists()
    manager.post(SETTINGS, GIVEN)
    shop = NoticeSettings.objects.get()
    assert (shop.on_since is not None, shop.kinds, shop.shop) == (True, ["refunded"], "Linen & Co")
    manager.post(SETTINGS, GIVEN | {"shop": "Other"})
    assert NoticeSettings.objects.get().on_since == shop.on_since
    manager.post(SETTINGS, {name: value for name, value in GIVEN.items() if name != "is_on"})
    assert NoticeSettings.objects.get().on_since is None


def test_mails_cannot_be_switched_on_without_a_mail_server(manager: Client, settings: Settings) -> None:
    settings.SENDS_MAIL = False
    assert "required" in codes(manager.post(SETTINGS, GIVEN).text)
    assert not NoticeSettings.objects.exists()


@pytest.mark.parametrize(
    ("body", "wrong"),
    [("{name} and {amount}", "{name}"), ("{amount.x}", "{amount.x}"), ("half { open", "{"), ("{reason}", "{reason}")],
)
def test_unknown_placeholders_are_refused_with_those_that_there_are(manager: Client, body: str, wrong: str) -> None:
    page = manager.post(WORDING, {"do": "save", "subject": "Refund", "body": body})
    assert codes(page.text) == ["unknown_placeholder"]
    assert f"{wrong} is no placeholder here. These are: {{shop}}" in page.text
    assert not NoticeText.objects.exists()


def test_wording_is_previewed_saved_sent_to_oneself_and_restored(manager: Client) -> None:
    typed = {"subject": "{shop}: {amount}", "body": "<i>Hello</i> {buyer_name}\nBy {expected_by}\n{goods}"}
    shown = manager.post(WORDING, {"do": "preview", **typed})
    assert shown.context["shown"].subject == "Your shop: ₩24,000"
    assert "&lt;i&gt;Hello&lt;/i&gt;" in shown.context["shown"].html
    assert not NoticeText.objects.exists()
    # Enter in a field presses the first button.
    assert re.findall(r'name="do" value="(\w+)"', shown.text)[0] == "preview"

    manager.post(WORDING, {"do": "test", **typed})
    assert [(sent.to, sent.subject) for sent in mail.outbox] == [(["mina@shop.example"], "[Test] Your shop: ₩24,000")]

    wrong = manager.post(WORDING, {"do": "preview", "refund": "R0000000000", **typed})
    assert "refund_not_found" in codes(wrong.text)
    manager.post(WORDING, {"do": "save", "refund": "R0000000000", **typed})
    assert NoticeText.objects.get().subject == "{shop}: {amount}"
    manager.post(WORDING, {"do": "restore"})
    assert not NoticeText.objects.exists()


def test_sent_mail_is_shown_and_sent_again_once(manager: Client) -> None:
    notice = sent_notice()
    page = f"{LIST}{notice.pk}/change/"
    assert "buyer@example.com" in manager.get(LIST).text
    shown = manager.get(page).text
    assert "sandbox srcdoc=" in shown
    assert "<b>Hong</b>" not in shown
    assert "The buyer was told" in manager.get(f"/admin/refunds/refundrecord/{notice.refund_id}/change/").text
    assert "Buyer told by e-mail" in manager.get(f"/admin/refunds/refundrecord/{notice.refund_id}/change/").text

    for _click in range(2):
        manager.post(f"{LIST}{notice.pk}/again/")
    send_notices()
    assert len(mail.outbox) == 2
    first, second = (sent.extra_headers["Message-ID"] for sent in mail.outbox)
    assert first != second
    assert "staff" in manager.get(page).text


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [("view_refundrecord", {LIST: 200, SETTINGS: 403, WORDING: 403}), ("view_payment", {LIST: 403, SETTINGS: 403})],
)
def test_only_managers_edit_and_only_those_who_refund_send_again(
    client: Client, permission: str, allowed: dict[str, int]
) -> None:
    notice = sent_notice()
    staff = sign_in(client, make_staff(permission))
    assert {path: staff.get(path).status_code for path in allowed} == allowed
    assert staff.post(f"{LIST}{notice.pk}/again/").status_code == 403


def test_business_days_are_edited_by_managers(manager: Client) -> None:
    add: dict[str, Any] = {"day": "2026-12-31", "name": "declared late"}
    manager.post("/admin/refunds/businessdayexception/add/", add)
    assert "declared late" in manager.get("/admin/refunds/businessdayexception/").text
