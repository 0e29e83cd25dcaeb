"""Staff write notes on payments and refunds, once each; nothing outside of the admin ever shows one."""

from __future__ import annotations

import html
import json
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from core.encryption.cipher import encrypt
from payments.models import Payment
from refunds.batches.run import run
from refunds.inputs import RefundRequest
from refunds.models import MAX_NOTE_LENGTH, Note, RefundRecord
from refunds.tasks import sweep
from tests.admin_pages import codes, sign_in
from tests.factories import (
    ACCOUNT,
    ACCOUNT_DIGITS,
    make_approval,
    make_payment,
    make_refund,
    make_staff,
    make_started_batch,
    make_stored_account,
    make_user,
    paid_at_sandbox,
)
from tests.sandbox_server import SandboxServer
from tests.webhooks.conftest import Connected
from webhooks.delivery.service import deliver_due

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]

MARKER = "구매자가 전화로 항의함 ZQX-7731"


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "view_payment", "view_refundrecord", "add_note"))


def page_of(row: Payment | RefundRecord) -> str:
    kind = "payments_payment" if isinstance(row, Payment) else "refunds_refundrecord"
    return reverse(f"admin:{kind}_change", args=[row.pk])


def write(staff: Client, row: Payment | RefundRecord, text: str, token: str | None = None) -> str:
    """Send the form of the row's page, and return the page that it leads to."""
    shown = staff.get(page_of(row)).text
    found = re.search(r'action="([^"]+/note/)".*?name="token" value="([^"]+)"', shown, re.DOTALL)
    assert found
    answer: Any = staff.post(found[1], {"token": token or found[2], "text": text}, follow=True)
    return html.unescape(answer.text)


def test_a_note_is_in_the_timelines_with_its_author_and_lines(staff: Client) -> None:
    payment = make_payment()
    refund = make_refund(payment)
    write(staff, payment, f"  {MARKER}\r\nsecond line  ")
    of_refund = write(staff, refund, "about this refund")
    of_payment = html.unescape(staff.get(page_of(payment)).text)

    assert f"{MARKER}\nsecond line</p>" in of_payment
    assert "about this refund" in of_payment
    assert "about this refund" in of_refund
    assert MARKER not in of_refund
    assert set(Note.objects.values_list("author_name", flat=True)) == {"staff"}


def test_account_numbers_of_the_payments_refunds_are_masked(staff: Client) -> None:
    payment = make_payment()
    make_stored_account(make_refund(payment, amount=Decimal(1_000)))
    waiting = {"refund_account": "3333-01-234 5678"}
    make_approval(payment, encrypted_account=encrypt(json.dumps(waiting)))
    parcel = "송장 123456789012, 010-1234-5678"
    write(
        staff,
        payment,
        f"신한 {ACCOUNT['refund_account']}\n{ACCOUNT_DIGITS} 또는 3333 01 2345678. {parcel} 1{ACCOUNT_DIGITS}",
    )

    last = f"••••{ACCOUNT_DIGITS[-4:]}"
    assert Note.objects.get().text == f"신한 {last}\n{last} 또는 ••••5678. {parcel} 1{ACCOUNT_DIGITS}"


def test_the_same_form_sent_twice_adds_one_note_and_another_text_another(staff: Client) -> None:
    payment, token = make_payment(), str(uuid.uuid4())
    for text in ("once", "once", "typed after the back button"):
        write(staff, payment, text, token)
    assert list(Note.objects.values_list("text", flat=True)) == ["once", "typed after the back button"]


@pytest.mark.parametrize("text", [" \n ", "x" * (MAX_NOTE_LENGTH + 1), "a\x00b"])
def test_an_unfit_note_is_refused(staff: Client, text: str) -> None:
    assert "invalid_text" in codes(write(staff, make_payment(), text)) or not Note.objects.exists()
    assert not Note.objects.exists()


def test_only_staff_with_the_permission_write_notes_and_those_who_see_payments_read_them(client: Client) -> None:
    payment = make_payment()
    refund = make_refund(payment)
    note = {"author": make_user("author"), "author_name": "Kim", "created_at": refund.requested_at}
    Note.objects.create(payment=payment, refund=refund, text=MARKER, token=uuid.uuid4(), **note)
    sign_in(client, make_staff("view_payment", "view_refundrecord", name="viewer"))
    assert MARKER in client.get(page_of(payment)).text
    assert MARKER in client.get(page_of(refund)).text
    assert 'id="note-text"' not in client.get(page_of(payment)).text
    for row in (payment, refund):
        assert client.post(page_of(row).replace("change/", "note/"), {"text": "x"}).status_code == 403
    sign_in(client, make_staff("view_refundrecord", name="ledger"))
    assert MARKER not in client.get(page_of(refund)).text


def test_no_answer_event_mail_or_page_of_buyers_shows_a_note(
    staff: Client,
    sandbox: SandboxServer,
    connected: Connected,
    settings: Settings,
    mailoutbox: list[EmailMultiAlternatives],
) -> None:
    settings.SENDS_MAIL, settings.SITE_URL = True, "https://refunds.shop.example"
    buyer, clerk = make_user(email="buyer@example.com"), make_staff("refund_payment", name="clerk")
    clerk.email = "clerk@shop.example"
    clerk.save()
    orders = [paid_at_sandbox(sandbox, user=buyer, buyer_email="buyer@example.com") for _ in range(3)]
    payment, *in_batch = orders
    for each in orders:
        write(staff, each, MARKER)
    shop = Client()
    shop.force_login(buyer)
    asked = {"imp_uid": payment.imp_uid, "cancel_request_amount": 1_000}
    said = [shop.post("/payments/cancel", asked, content_type="application/json").content]
    refund = payment.refunds.get()
    write(staff, refund, MARKER)
    batch = make_started_batch(clerk, [(each, RefundRequest()) for each in in_batch])
    run(batch_id=batch.pk)
    sweep()
    deliver_due()

    for path in (
        *("/", "/payments", "/refunds", f"/payments/{payment.imp_uid}", f"/payments/{payment.imp_uid}/refunds"),
        *(f"/refunds/{refund.number}", f"/orders/{payment.imp_uid}/refund"),
    ):
        said += [reader.get(path).content for reader in (shop, staff)]
    said += [request.body for request in connected.receiver.received]
    said += [str(mail.message()).encode() for mail in mailoutbox]
    at_iamport = json.dumps([sandbox.payment(each.imp_uid) for each in orders], ensure_ascii=False)
    said.append((at_iamport + json.dumps(sandbox.log(), ensure_ascii=False)).encode())

    assert Note.objects.count() == 4
    assert connected.receiver.received
    assert mailoutbox
    escaped = json.dumps(MARKER).strip('"')
    for text in said:
        assert b"ZQX-7731" not in text, text
        assert escaped.encode() not in text
