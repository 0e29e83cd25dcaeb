"""When the money usually arrives: on the record, in the API, on the refund's page; and the list of late refunds."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from core.dates import seoul_date
from payments.intake.sync import sync_by_id
from refunds.inputs import Actor, RefundRequest
from refunds.ledger import is_late
from refunds.models import BusinessDayException, RefundRecord, RefundSource
from refunds.policies import add_business_days
from refunds.serialization import refund_json
from refunds.services.refund import request_refund
from tests.admin_pages import sign_in
from tests.factories import make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

LATE = "/admin/refunds/refundrecord/?arrival=late"


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment"))


def refund_part(sandbox: SandboxServer, **fields: str) -> RefundRecord:
    payment = paid_at_sandbox(sandbox, **fields)
    request = RefundRequest(amount=Decimal(1_000))
    return request_refund(payment=payment, request=request, actor=Actor("mina"), source=RefundSource.API)


def page(refund: RefundRecord) -> str:
    return f"/admin/refunds/refundrecord/{refund.pk}/change/"


def mark(staff: Client, refund: RefundRecord, word: str) -> list[str]:
    path = f"/admin/refunds/refundrecord/{refund.pk}/arrival/"
    shown = staff.post(path, {"mark": word}, follow=True)
    return [message.extra_tags for message in shown.context["messages"]]


def is_listed(staff: Client, refund: RefundRecord) -> bool:
    return refund.number in staff.get(LATE).content.decode()


def test_expected_day_counts_business_days_and_stands_in_the_api(sandbox: SandboxServer) -> None:
    today = seoul_date(timezone.now())
    closed = add_business_days(today, 1, {})
    BusinessDayException.objects.create(day=closed, name="declared late")
    refund = refund_part(sandbox)
    assert refund.expected_by == add_business_days(today, 5, {closed: False})
    assert refund_json(refund)["expected_by"] == refund.expected_by
    assert refund_json(refund_part(sandbox, pg_provider="kakaopay"))["expected_by"] is None


def test_console_cancel_has_an_expected_day(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 2_000)

    list(sync_by_id([payment.imp_uid]))
    assert payment.refunds.get().expected_by is not None


def test_money_is_missed_only_after_its_day_and_until_it_came(staff: Client, sandbox: SandboxServer) -> None:
    refund = refund_part(sandbox)
    assert "Buyer has not received it" not in staff.get(page(refund)).content.decode()
    assert mark(staff, refund, "not_received") == ["not_late_yet"]

    RefundRecord.objects.filter(pk=refund.pk).update(expected_by=timezone.localdate() - timedelta(days=10))
    assert mark(staff, refund, "not_received") == ["arrival_noted"]
    assert mark(staff, refund, "not_received") == ["arrival_noted"]  # a double click
    shown = staff.get(page(refund)).content.decode()
    assert is_listed(staff, refund)
    assert "Ask" in shown
    RefundRecord.objects.filter(pk=refund.pk).update(reversed_amount=1_000)
    assert not is_listed(staff, refund)  # the money was taken back: nothing is to come
    assert not is_late(RefundRecord.objects.get(pk=refund.pk))
    RefundRecord.objects.filter(pk=refund.pk).update(reversed_amount=0)
    assert refund.events.filter(code="not_received", actor="staff").count() == 1

    assert mark(staff, refund, "received") == ["arrival_noted"]
    assert not is_listed(staff, refund)
    assert refund.events.filter(code="received").count() == 1


def test_accepted_refund_is_late_after_five_business_days(staff: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    refund = request_refund(payment=payment, request=RefundRequest(), actor=Actor("mina"), source=RefundSource.API)
    assert refund.expected_by is None
    assert not is_listed(staff, refund)
    long_ago = add_business_days(timezone.localdate(), -6, {}) - timezone.localdate()
    RefundRecord.objects.filter(pk=refund.pk).update(requested_at=timezone.now() + long_ago)
    assert is_listed(staff, refund)


def test_viewers_cannot_note_it(client: Client, sandbox: SandboxServer) -> None:
    refund = refund_part(sandbox)
    viewer = sign_in(client, make_staff("view_refundrecord"))
    assert viewer.post(f"/admin/refunds/refundrecord/{refund.pk}/arrival/", {"mark": "received"}).status_code == 403
