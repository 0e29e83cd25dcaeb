"""Who may approve a refund is told that it waits, and who requested it how it was decided: once, and no secrets."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from pytest_django import Settings

from core.encryption.cipher import encrypt
from refunds.models import RefundApproval
from refunds.tasks import sweep
from tests.factories import ACCOUNT_DIGITS, make_approval, make_payment, make_staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox", "eager_worker")]

BUYER = {"buyer_name": "Hong", "buyer_email": "hong@example.com", "merchant_uid": "order-77"}
PATH = "/admin/refunds/refundapproval/request/"


@pytest.fixture(autouse=True)
def sends_mail(settings: Settings) -> None:
    settings.SENDS_MAIL = True
    settings.SITE_URL = "https://refunds.shop.example"


def staff_with_address(name: str, *permissions: str, **fields: object) -> User:
    user = make_staff("refund_payment", *permissions, name=name)
    User.objects.filter(pk=user.pk).update(**{"email": f"{name}@shop.example", **fields})
    user.refresh_from_db()
    return user


@pytest.fixture
def request_(db: None) -> RefundApproval:
    """A request of `kim`, who may approve too; `lee` may approve it, and others may not or are gone."""
    kim = staff_with_address("kim", "approve_refund")
    staff_with_address("lee", "approve_refund")
    staff_with_address("gone", "approve_refund", is_active=False)
    staff_with_address("silent", "approve_refund", email="")
    staff_with_address("park")
    return make_approval(
        make_payment(amount=Decimal(900_000), **BUYER),
        requested_by=kim,
        requested_by_name="kim",
        reason=f"to account {ACCOUNT_DIGITS} of Hong",
        encrypted_account=encrypt(ACCOUNT_DIGITS),
        refund_bank="088",
        refund_account_last4=ACCOUNT_DIGITS[-4:],
    )


def decided(approval: RefundApproval, status: str, **fields: object) -> None:
    end = {"status": status, "decided_at": timezone.now(), "encrypted_account": "", **fields}
    RefundApproval.objects.filter(pk=approval.pk).update(**end)


def both_parts(sent: EmailMultiAlternatives) -> list[str]:
    html: Any = sent.alternatives[0]
    return [str(sent.body), str(html.content)]


def test_approvers_are_told_once_and_read_no_secrets(
    request_: RefundApproval, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    sweep()
    sweep()

    (sent,) = mailoutbox
    assert sent.to == ["lee@shop.example"]
    assert sent.subject == f"Approval needed: refund of ₩900,000 ({request_.number})"
    for part in both_parts(sent):
        assert f"https://refunds.shop.example{PATH}{request_.number}/" in part
        assert "order-77" in part
        for secret in ("Hong", "hong@", ACCOUNT_DIGITS, ACCOUNT_DIGITS[-4:]):
            assert secret not in part


@pytest.mark.parametrize(
    ("status", "fields", "subject"),
    [
        ("approved", {"decided_by_name": "lee", "note": "ok"}, "승인됨: ₩900,000 환불"),
        ("rejected", {"decided_by_name": "lee", "note": "no"}, "반려됨: ₩900,000 환불"),
        ("expired", {"closed_code": "expired"}, "승인되지 않음: ₩900,000 환불"),
        ("withdrawn", {"closed_code": "balance_changed"}, "승인되지 않음: ₩900,000 환불"),
        ("withdrawn", {"closed_code": "withdrawn"}, ""),
    ],
)
def test_requester_is_told_the_end_in_the_language_of_the_installation(
    request_: RefundApproval,
    mailoutbox: list[EmailMultiAlternatives],
    settings: Settings,
    status: str,
    fields: dict[str, str],
    subject: str,
) -> None:
    settings.LANGUAGE_CODE = "ko"
    sweep()
    lee = User.objects.get(username="lee") if "note" in fields else None
    decided(request_, status, decided_by=lee, **fields)

    sweep()
    sweep()

    ends = mailoutbox[1:]
    assert [sent.to for sent in ends] == ([["kim@shop.example"]] if subject else [])
    assert [sent.subject.startswith(subject) for sent in ends] == ([True] if subject else [])


def test_approvers_are_told_that_the_request_of_somebody_who_is_gone_expired(
    request_: RefundApproval, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    sweep()
    User.objects.filter(username="kim").update(is_active=False)
    decided(request_, "expired", closed_code="expired")
    sweep()
    assert [sent.to for sent in mailoutbox[1:]] == [["lee@shop.example"]]
    assert "The refund that kim asked for was not approved. Nobody decided in time." in mailoutbox[1].body


def test_mail_that_fails_is_tried_again_and_a_late_one_is_not_sent(
    request_: RefundApproval, mailoutbox: list[EmailMultiAlternatives], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(EmailMultiAlternatives, "send", _refused)
        sweep()
    sweep()
    assert mailoutbox == []  # not before five minutes
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        sweep()
    assert len(mailoutbox) == 1

    decided(request_, "expired", closed_code="expired", decided_at=timezone.now() - timedelta(days=2))
    sweep()
    assert len(mailoutbox) == 1


def test_nothing_is_sent_without_a_mail_server(
    request_: RefundApproval, mailoutbox: list[EmailMultiAlternatives], settings: Settings
) -> None:
    settings.SENDS_MAIL = False
    sweep()
    assert mailoutbox == []
    assert request_.mailed_status == ""


def _refused(_mail: EmailMultiAlternatives) -> int:
    raise OSError("no server")
