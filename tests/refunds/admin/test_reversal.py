"""Staff see that i'mport took a cancel back, and those with the permission accept it, with a reason."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from core.admin.log import told
from payments.models import Payment
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundReversal, RefundSource
from refunds.reconciliation.drift import compare_period
from refunds.reconciliation.reconcile import reconcile
from refunds.services.refund import request_refund
from tests.admin_pages import codes, sign_in
from tests.factories import make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

MANAGER = ("view_payment", "view_refundrecord", "view_reconciliationreport", "refund_payment", "accept_reversal")
REASON = "The bank sent it back; checked with the PG."
LISTED = "/admin/payments/payment/?refund=taken_back"


@pytest.fixture
def manager(client: Client) -> Client:
    return sign_in(client, make_staff(*MANAGER, name="manager"))


@pytest.fixture
def taken_back(sandbox: SandboxServer) -> Payment:
    """Create an order with refunds of 4,000 and 6,000, of which i'mport shows only the second any longer."""
    payment = paid_at_sandbox(sandbox)
    records = [
        request_refund(
            payment=Payment.objects.get(pk=payment.pk),
            request=RefundRequest(amount=Decimal(amount)),
            actor=Actor("mina"),
            source=RefundSource.ADMIN,
        )
        for amount in (4_000, 6_000)
    ]
    sandbox.take_back(payment.imp_uid, cancellation_id=records[0].cancellation_id)
    list(reconcile(payments=Payment.objects.all()))
    payment.refresh_from_db()
    return payment


def detail(payment: Payment) -> str:
    return f"/admin/payments/payment/{payment.pk}/change/"


def page_of(payment: Payment) -> str:
    return f"/admin/payments/payment/{payment.pk}/reversal/"


def accept(client: Client, payment: Payment, **changes: object) -> Any:
    data = {"reason": REASON, "expected": "4000", "report": "", **changes}
    return client.post(page_of(payment), data, follow=True)


def test_difference_is_shown_where_staff_look(manager: Client, taken_back: Payment) -> None:
    assert 'data-card="taken_back"' in manager.get("/admin/").text
    for url in (LISTED, detail(taken_back)):
        assert "i&#x27;mport shows ₩6,000 refunded, but ₩10,000 is recorded here" in manager.get(url).text
    assert page_of(taken_back) in manager.get(detail(taken_back)).text


def test_check_with_i_mport_warns(manager: Client, taken_back: Payment) -> None:
    answer = manager.post(
        "/admin/payments/payment/check/", {"ids": taken_back.pk, "next": detail(taken_back)}, follow=True
    )
    [message] = answer.context["messages"]
    assert (message.level_tag, message.extra_tags) == ("warning", "taken_back")


def test_page_says_what_will_be_recorded_and_writes_nothing(manager: Client, taken_back: Payment) -> None:
    page = manager.get(page_of(taken_back)).text
    first = taken_back.refunds.earliest("pk")
    for text in (taken_back.merchant_uid, first.number, "mina", "₩4,000", "₩6,000", "₩10,000", 'value="4000'):
        assert text in page
    assert taken_back.refunds.latest("pk").number not in page
    assert not RefundReversal.objects.exists()


def test_accepting_records_who_and_why_once(manager: Client, taken_back: Payment) -> None:
    answer = accept(manager, taken_back)
    assert answer.redirect_chain == [(detail(taken_back), 302)]
    assert [str(message) for message in answer.context["messages"]] == [
        "₩4,000 is recorded as taken back. ₩4,000 can be refunded now."
    ]
    reversal = RefundReversal.objects.get()
    assert (reversal.accepted_by_name, reversal.reason, reversal.amount) == ("manager", REASON, 4_000)
    assert REASON in told(LogEntry.objects.get())
    assert "₩4,000 reversed" in answer.text
    assert REASON in manager.get(f"/admin/refunds/refundrecord/{reversal.refund_id}/change/").text

    again = accept(manager, taken_back)
    assert [message.extra_tags for message in again.context["messages"]] == ["nothing_taken_back"]
    assert RefundReversal.objects.count() == 1
    assert 'data-card="taken_back"' not in manager.get("/admin/").text


def test_sums_and_exports_count_what_was_not_taken_back(manager: Client, taken_back: Payment) -> None:
    accept(manager, taken_back)
    answer: Any = manager.get("/admin/")
    tiles = {tile.code: tile for tile in answer.context["tiles"]}
    assert [figure.text for figure in tiles["refunded"].figures] == ["₩6,000"]
    assert tiles["refunded"].hint == "Net: ₩4,000 of these refunds were reversed later, and are not in the sum."
    answer = manager.post("/admin/refunds/refundrecord/export/?status=reversed", {"format": "csv"})
    [row] = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert (row["Requested amount"], row["Refunded amount"], row["Reversed amount"]) == ("4000", "", "4000")


@pytest.mark.parametrize(
    ("changes", "code"), [({"reason": " "}, "missing_reason"), ({"expected": "3000"}, "reversal_changed")]
)
def test_refusal_is_shown_with_the_amounts_of_now(
    manager: Client, taken_back: Payment, changes: dict[str, str], code: str
) -> None:
    answer = accept(manager, taken_back, **changes)
    assert code in codes(answer.text)
    assert re.search(r'name="expected" value="4000', answer.text)
    assert not RefundReversal.objects.exists()


def test_unreadable_i_mport_shows_no_form(manager: Client, taken_back: Payment, sandbox: SandboxServer) -> None:
    sandbox.fault("payment", "http_500")
    page = manager.get(page_of(taken_back)).text
    assert codes(page) == ["gateway_unavailable"]
    assert "<textarea" not in page


def test_nothing_taken_back_leads_to_the_payment(manager: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    answer: Any = manager.get(page_of(payment), follow=True)
    assert answer.redirect_chain == [(detail(payment), 302)]
    assert [message.extra_tags for message in answer.context["messages"]] == ["nothing_taken_back"]


@pytest.mark.parametrize(
    "permissions",
    [("view_payment", "view_refundrecord"), ("refund_payment", "resolve_refund"), ("accept_reversal",), ()],
)
def test_only_staff_with_the_permission_accept(
    client: Client, taken_back: Payment, permissions: tuple[str, ...]
) -> None:
    sign_in(client, make_staff(*permissions, name="other"))
    assert client.get(page_of(taken_back)).status_code == 403
    assert accept(client, taken_back).status_code == 403
    assert not RefundReversal.objects.exists()
    if "view_payment" in permissions:
        page = client.get(detail(taken_back)).text
        assert 'data-code="taken_back"' in page
        assert page_of(taken_back) not in page


def test_report_leads_to_the_page_and_is_repaired_by_accepting(manager: Client, taken_back: Payment) -> None:
    now = timezone.now()
    report = compare_period(since=now - timedelta(days=1), until=now)
    url = f"/admin/refunds/reconciliationreport/{report.pk}/change/"
    found = manager.get(url)
    assert f"{page_of(taken_back)}?report={report.pk}" in found.text
    assert "₩4,000 was taken back" in found.text
    assert f'name="report" value="{report.pk}"' in manager.get(f"{page_of(taken_back)}?report={report.pk}").text

    answer = accept(manager, taken_back, report=report.pk)
    assert answer.redirect_chain == [(url, 302)]
    report.refresh_from_db()
    assert report.remaining == 0
