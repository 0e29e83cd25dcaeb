"""Who started a batch is told by e-mail that it ended or paused itself, at least once and without personal data."""

from __future__ import annotations

import socket
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from pytest_django import Settings

from core import mail
from refunds.batches import mail as module
from refunds.batches.words import batch_path
from refunds.models import RefundBatch, RefundBatchEvent
from refunds.tasks import sweep
from tests.factories import make_staff
from tests.refunds.batches.stored import store_batch, store_order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox", "eager_worker")]

SMTP = "django.core.mail.backends.smtp.EmailBackend"
BUYER = {"buyer_name": "Hong", "buyer_email": "hong@example.com", "merchant_uid": "secret-order"}


@pytest.fixture(autouse=True)
def sends_mail(settings: Settings) -> None:
    settings.SENDS_MAIL = True
    settings.SITE_URL = "https://refunds.shop.example"


@pytest.fixture
def batch() -> RefundBatch:
    """A batch that has ended, of an order refunded and one skipped."""
    user = make_staff("refund_payment")
    user.email = "kim@shop.example"
    user.save()
    now = timezone.now()
    batch = store_batch(requested_by=user, title="Hong.xlsx", status="done", finished_at=now, language="ko")
    store_order(batch, "succeeded", paid=BUYER)
    store_order(batch, error_code="balance_changed", message="Hong")
    return batch


def both_parts(sent: EmailMultiAlternatives) -> list[str]:
    html = sent.alternatives[0]
    assert html.mimetype == "text/html"
    return [str(sent.body), str(html.content)]


def test_requester_is_told_once_what_became_of_the_batch(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    sweep()
    sweep()

    (sent,) = mailoutbox
    assert (sent.to, sent.subject) == (["kim@shop.example"], "일괄 환불 완료: 2건 중 1건 환불")
    for part in both_parts(sent):
        assert "₩10,000" in part
        assert f"https://refunds.shop.example{batch_path(batch)}" in part
        for secret in ("Hong", "hong@", "secret-order"):
            assert secret not in part


def test_mail_without_the_address_of_the_site_has_no_link(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives], settings: Settings
) -> None:
    settings.SITE_URL = ""

    sweep()

    assert not any("http" in part or "href" in part for part in both_parts(mailoutbox[0]))


def test_pause_of_its_own_is_told_with_its_reason_and_so_is_the_end_after_it(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    RefundBatch.objects.update(status="paused", pause_code="refused_in_row", finished_at=None, language="en")
    data = {"refusal": "settlement_short"}
    RefundBatchEvent.objects.create(batch=batch, code="paused", at=timezone.now(), data=data)
    store_order(batch)

    sweep()
    sweep()

    assert [sent.subject for sent in mailoutbox] == ["Bulk refund paused: 1 of 3 orders are waiting"]
    for part in both_parts(mailoutbox[0]):
        assert "Not enough settlement money" in part

    RefundBatch.objects.update(status="done", pause_code="", finished_at=timezone.now())
    sweep()
    assert [sent.subject for sent in mailoutbox][1:] == ["Bulk refund finished: 1 of 3 orders refunded"]


def test_mail_is_tried_again_until_the_server_takes_it_for_a_day(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives], settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    works, start = settings.EMAIL_BACKEND, timezone.now()
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_BACKEND = "127.0.0.1", port, SMTP
    sweep()
    settings.EMAIL_BACKEND = works
    sweep()  # a process may still be trying
    assert mailoutbox == []

    with time_machine.travel(start + timedelta(hours=25)):
        sweep()
    assert mailoutbox == []
    with time_machine.travel(start + timedelta(minutes=6)):
        sweep()
    assert len(mailoutbox) == 1


def test_two_workers_that_find_the_same_batch_send_one_mail(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(module._due(timezone.now()).select_related("requested_by"))
    assert found == [batch]
    monkeypatch.setattr(module, "_due", lambda _now: SimpleNamespace(select_related=lambda _name: found))
    send = mail.send

    def while_the_other_sends(**given: Any) -> bool:
        module.send_mails()
        return send(**given)

    monkeypatch.setattr(mail, "send", while_the_other_sends)
    module.send_mails()
    module.send_mails()  # by one that has found it before

    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda batch, settings: setattr(settings, "SENDS_MAIL", False),
        lambda batch, settings: batch.items.filter(refund=None).delete(),  # a single order
        lambda batch, settings: type(batch.requested_by).objects.update(email=""),
        lambda batch, settings: type(batch.requested_by).objects.update(is_active=False),
        lambda batch, settings: RefundBatch.objects.update(status="paused", pause_code="by_hand"),
    ],
)
def test_nobody_is_told(
    batch: RefundBatch, mailoutbox: list[EmailMultiAlternatives], settings: Settings, change: Any
) -> None:
    change(batch, settings)

    sweep()

    assert mailoutbox == []
