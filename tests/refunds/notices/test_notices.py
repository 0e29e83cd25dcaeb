"""A buyer is told once of each kind, only what the ledger says, and only what is news."""

from datetime import timedelta
from decimal import Decimal
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone
from pytest_django import Settings

from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.errors import RefundNotDone
from refunds.inputs import Actor, RefundRequest
from refunds.models import BuyerNotice, NoticeKind, NoticeSettings, NoticeStatus, RefundRecord, RefundSource
from refunds.notices.outbox import note_late, send_again
from refunds.notices.retention import drop_old_texts
from refunds.notices.send import BACK_OFF, send_notices
from refunds.reconciliation.reconcile import reconcile_due
from refunds.reconciliation.resolution import close_by_hand
from refunds.reconciliation.reversal import accept_reversal
from refunds.services.refund import request_refund
from tests.factories import paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

EVIL = "홍길동\r\nBcc: all@example.com <b>http</b>"


@pytest.fixture(autouse=True)
def shop(settings: Settings) -> NoticeSettings:
    settings.SENDS_MAIL = True
    settings.DEFAULT_FROM_EMAIL = "desk@shop.example"
    return NoticeSettings.objects.create(
        on_since=timezone.now() - timedelta(hours=1), kinds=NoticeKind.values, shop="Linen & Co"
    )


def paid(sandbox: SandboxServer, **fields: Any) -> Payment:
    return paid_at_sandbox(sandbox, **{"buyer_email": "buyer@example.com", "buyer_name": "Hong", **fields})


def refund(payment: Payment, amount: int | None = None) -> RefundRecord:
    request = RefundRequest(amount=None if amount is None else Decimal(amount))
    try:
        return request_refund(payment=payment, request=request, actor=Actor("mina"), source=RefundSource.API)
    except RefundNotDone as exc:
        return exc.refund


def send_all() -> list[tuple[str, str]]:
    """Make everything due and send it; return the kind and the state of each notice."""
    BuyerNotice.objects.filter(status="waiting").update(next_try_at=timezone.now())
    send_notices()
    return list(BuyerNotice.objects.order_by("pk").values_list("kind", "status"))


def test_refund_tells_its_buyer_once_with_the_amount_and_the_day(sandbox: SandboxServer) -> None:
    record = refund(paid(sandbox, name="Linen shirt"), 1_000)
    assert mail.outbox == []
    assert send_all() == [("refunded", "sent")]
    (sent,) = mail.outbox
    assert (sent.to, sent.from_email) == (["buyer@example.com"], "Linen & Co <desk@shop.example>")
    assert record.expected_by is not None
    for text in ("₩1,000", "Hong", "Linen shirt", f"{record.expected_by.day}일"):
        assert text in sent.body
    assert "Linen &amp; Co" in str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert send_all() == [("refunded", "sent")]
    assert len(mail.outbox) == 1


def test_buyers_words_reach_neither_headers_nor_html(sandbox: SandboxServer, shop: NoticeSettings) -> None:
    refund(paid(sandbox, buyer_name=EVIL, name="<img src=x>\nSubject: no {reason}"))
    shop.shop = "Linen\r\nBcc: all@example.com"
    shop.save()
    assert send_all() == [("refunded", "sent")]
    (sent,) = mail.outbox
    assert sent.recipients() == ["buyer@example.com"]
    assert "\nBcc" not in sent.message().as_string().partition("\n\n")[0]
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert "<b>" not in html
    assert "<img" not in html
    assert "{reason}" in html  # what is filled in is not looked at again


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"on_since": None}, "buyer@example.com"),
        ({"kinds": ["accepted"]}, "buyer@example.com"),
        ({}, ""),
    ],
)
def test_nothing_is_written_if_it_is_off_or_nobody_can_be_told(
    sandbox: SandboxServer, changes: dict[str, Any], address: str
) -> None:
    NoticeSettings.objects.update(**{"language": "ko", **changes})
    payment = paid(sandbox)
    sandbox.show(payment.imp_uid, buyer_email=address)
    refund(payment)
    assert not BuyerNotice.objects.exists()


def test_accepted_refund_that_fails_later_is_told_whatever_is_on(sandbox: SandboxServer, shop: NoticeSettings) -> None:
    NoticeSettings.objects.update(kinds=["refunded", "accepted"])
    payment = paid(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    record = refund(payment)
    assert send_all() == [("accepted", "sent")]
    RefundRecord.objects.filter(pk=record.pk).update(needs_review=True)
    close_by_hand(refund=RefundRecord.objects.get(pk=record.pk), actor=Actor("mina"), reason="the PG says so")
    assert send_all() == [("accepted", "sent"), ("refused", "sent")]
    assert "the PG says so" not in mail.outbox[-1].body


def test_accepted_refund_that_is_done_before_its_mail_is_told_once(sandbox: SandboxServer) -> None:
    payment = paid(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    refund(payment)
    sandbox.settle(payment.imp_uid)
    RefundRecord.objects.update(next_check_at=None)
    list(reconcile_due())
    assert send_all() == [("accepted", "skipped"), ("refunded", "sent")]


def test_refusal_is_told_after_a_while_in_our_words(sandbox: SandboxServer) -> None:
    payment = paid(sandbox)
    sandbox.fault("cancel", "refuse", times=1, message="PG 내부 오류 9999")
    refund(payment)
    send_notices()
    assert mail.outbox == []
    assert send_all() == [("refused", "sent")]
    assert "9999" not in mail.outbox[0].body


def test_refusal_that_was_tried_again_at_once_is_not_told(sandbox: SandboxServer) -> None:
    payment = paid(sandbox)
    sandbox.fault("cancel", "refuse", times=1, message="잠시 후 다시")
    refund(payment)
    refund(payment)
    assert send_all() == [("refused", "skipped"), ("refunded", "sent")]


def test_refund_that_was_taken_back_before_its_mail_is_not_told(sandbox: SandboxServer) -> None:
    payment = paid(sandbox)
    refund(payment)
    sandbox.take_back(payment.imp_uid)
    list(sync_by_id([payment.imp_uid]))
    accept_reversal(payment=Payment.objects.get(pk=payment.pk), actor=Actor("mina"), reason="the PG says so")
    assert send_all() == [("refunded", "skipped")]


def test_console_cancels_are_told_only_if_they_are_new(sandbox: SandboxServer) -> None:
    new, old = paid(sandbox), paid(sandbox)
    sandbox.console_cancel(new.imp_uid, 1_000)
    sandbox.console_cancel(old.imp_uid, 1_000)
    list(sync_by_id([new.imp_uid]))
    NoticeSettings.objects.update(on_since=timezone.now() + timedelta(seconds=5))  # switched on after the cancel
    list(sync_by_id([old.imp_uid]))
    assert [notice.refund.payment for notice in BuyerNotice.objects.all()] == [new]


def test_refund_that_waits_for_days_is_told_to_be_late_once(sandbox: SandboxServer) -> None:
    payment = paid(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    refund(payment)
    note_late()
    assert send_all() == [("accepted", "sent")]
    long_ago = timezone.now() - timedelta(days=20)
    NoticeSettings.objects.update(on_since=long_ago)
    RefundRecord.objects.update(requested_at=long_ago)
    note_late()
    note_late()
    assert send_all() == [("accepted", "sent"), ("late", "sent")]


class FailingBackend(EmailBackend):
    """A mail server that raises `error`."""

    error: Exception = SMTPServerDisconnected()

    def send_messages(self, messages: list[EmailMessage]) -> int:  # type: ignore[override]
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SMTPServerDisconnected(), "waiting"),
        (ConnectionRefusedError(), "waiting"),
        (SMTPRecipientsRefused({"buyer@example.com": (450, b"later")}), "waiting"),
        (SMTPRecipientsRefused({"buyer@example.com": (550, b"unknown")}), "failed"),
    ],
)
def test_errors_of_the_mail_server_are_retried_unless_they_are_final(
    sandbox: SandboxServer, settings: Settings, error: Exception, status: str
) -> None:
    refund(paid(sandbox))
    settings.EMAIL_BACKEND = f"{__name__}.FailingBackend"
    FailingBackend.error = error
    assert send_all() == [("refunded", status)]
    notice = BuyerNotice.objects.get()
    assert notice.error
    assert (notice.next_try_at > timezone.now()) == (status == "waiting") or status == "failed"


def test_it_gives_up_after_a_day_and_staff_send_it_again(sandbox: SandboxServer, settings: Settings) -> None:
    refund(paid(sandbox))
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.FailingBackend"
    FailingBackend.error = SMTPServerDisconnected()
    for _attempt in BACK_OFF:
        assert send_all() == [("refunded", "waiting")]
    assert send_all() == [("refunded", "failed")]
    settings.EMAIL_BACKEND = working
    notice = BuyerNotice.objects.get()
    assert send_again(notice)
    assert not send_again(notice)  # a double click
    assert send_all() == [("refunded", "sent")]


def test_invalid_address_is_not_tried(sandbox: SandboxServer) -> None:
    refund(paid(sandbox, buyer_email="a@example.com, b@example.com"))
    assert send_all() == [("refunded", "failed")]
    assert mail.outbox == []


def test_old_texts_are_deleted_and_the_rest_stays(sandbox: SandboxServer) -> None:
    refund(paid(sandbox))
    send_all()
    assert drop_old_texts(timezone.now()) == 0
    assert drop_old_texts(timezone.now() + timedelta(days=91)) == 1
    notice = BuyerNotice.objects.get()
    assert (notice.status, notice.body_text, notice.body_html, notice.to) == (
        NoticeStatus.SENT,
        "",
        "",
        "buyer@example.com",
    )
