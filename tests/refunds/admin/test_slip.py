"""The refund slip tells the buyer what was refunded, and nothing that is not theirs to read."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from refunds.models import Note, NoticeSettings, RefundRecord
from tests.factories import ACCOUNT_DIGITS, make_payment, make_refund, make_staff, make_stored_account

pytestmark = pytest.mark.django_db


def url(pk: int, language: str = "") -> str:
    return f"/admin/refunds/refundrecord/{pk}/slip/" + (f"?language={language}" if language else "")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff("view_payment", "view_refundrecord"))
    return client


@pytest.mark.parametrize(
    ("language", "title", "amount"), [("ko", "환불 확인서", "₩11,000"), ("en", "Refund slip", "₩11,000")]
)
def test_the_slip_in_both_languages(staff: Client, language: str, title: str, amount: str) -> None:
    NoticeSettings.objects.create(shop="하늘상점")
    bought = {"amount": Decimal(33_000), "name": "운동화", "buyer_name": "김하늘", "vbank_num": "0212345678901"}
    payment = make_payment(pay_method="vbank", pg_provider="nice", **bought)
    refund = make_refund(
        payment, amount=Decimal(11_000), reason="사이즈 교환", pg_tid="pg-tid-1", cancellation_id="c-1"
    )
    make_stored_account(refund)
    author = User.objects.get()
    facts = {"author": author, "author_name": "staff", "token": uuid.uuid4(), "created_at": timezone.now()}
    Note.objects.create(refund=refund, payment=payment, text="internal words", **facts)
    text = staff.get(url(refund.pk, language)).text
    assert f"<h1>{title}</h1>" in text
    for shown in (
        amount,
        "하늘상점",
        "운동화",
        "김하늘",
        "사이즈 교환",
        "pg-tid-1",
        "c-1",
        payment.imp_uid,
        refund.number,
    ):
        assert shown in text
    assert f"•••• {ACCOUNT_DIGITS[-4:]}" in text
    assert "1,000" in text  # VAT
    assert "10,000" in text  # supply
    for hidden in ("internal words", ACCOUNT_DIGITS, "0212345678901", "홍길동"):
        assert hidden not in text


def test_a_card_shows_its_last_digits_at_most(staff: Client) -> None:
    payment = make_payment(card_name="신한카드", card_number="433012******1234")
    text = staff.get(url(make_refund(payment).pk, "ko")).text
    assert "신한카드 •••• 1234" in text
    assert "433012" not in text


def test_only_a_refund_that_succeeded_has_one(staff: Client) -> None:
    answer = staff.get(url(make_refund(status="failed").pk))
    assert answer.status_code == 409
    assert "not_refunded" in answer.text
    assert "data-amount" not in answer.text


def test_who_may_not_see_refunds_sees_no_slip(client: Client) -> None:
    client.force_login(make_staff("view_reconciliationreport"))
    assert client.get(url(make_refund().pk)).status_code == 403


def test_parts_are_left_out_once_a_part_was_taken_back(staff: Client) -> None:
    refund = make_refund(amount=Decimal(11_000))
    assert "<dt>VAT</dt>" in staff.get(url(refund.pk, "en")).text
    RefundRecord.objects.filter(pk=refund.pk).update(reversed_amount=1_000)
    text = staff.get(url(refund.pk, "en")).text
    assert "₩10,000" in text
    assert "<dt>VAT</dt>" not in text
