"""The page of an open refund shows its progress; staff with the permission close it once, with a reason."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from core.admin.log import told
from refunds.inputs import Actor, RefundRequest
from refunds.models import RefundRecord, RefundSource, RefundStatus
from refunds.reconciliation.reconcile import reconcile_due
from refunds.services.refund import request_refund
from tests.admin_pages import codes, sign_in
from tests.factories import make_payment, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

REASON = "The PG says on the phone that it was refused."


@pytest.fixture
def resolver(client: Client) -> Client:
    return sign_in(client, make_staff("refund_payment", "resolve_refund"))


@pytest.fixture
def stuck(sandbox: SandboxServer) -> RefundRecord:
    """Create a refund that i'mport accepted three days ago and that was never executed."""
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    record = request_refund(payment=payment, request=RefundRequest(), actor=Actor("mina"), source=RefundSource.API)
    RefundRecord.objects.filter(pk=record.pk).update(requested_at=timezone.now() - timedelta(hours=73))
    list(reconcile_due())
    record.refresh_from_db()
    return record


def detail(refund: RefundRecord) -> str:
    return f"/admin/refunds/refundrecord/{refund.pk}/change/"


def close(refund: RefundRecord) -> str:
    return f"/admin/refunds/refundrecord/{refund.pk}/close/"


def open_refund(status: str, **fields: Any) -> RefundRecord:
    return RefundRecord.objects.create(
        payment=make_payment(),
        status=status,
        source="api",
        amount=1_000,
        checksum=10_000,
        **{"requested_at": timezone.now(), **fields},
    )


def test_page_shows_the_refunds_state_and_changes_nothing(resolver: Client, stuck: RefundRecord) -> None:
    assert close(stuck) in resolver.get(detail(stuck)).text
    page = resolver.get(close(stuck)).text
    for text in (
        stuck.number,
        stuck.payment.merchant_uid,
        "mina",
        "Waiting for",
        "Next comparison",
        "1 time",
        "Timeline",
    ):
        assert text in page
    stuck.refresh_from_db()
    assert (stuck.status, stuck.needs_review) == (RefundStatus.PENDING, True)


def test_refund_is_closed_once_with_a_reason_and_a_log_entry(resolver: Client, stuck: RefundRecord) -> None:
    answer = resolver.post(close(stuck), {"reason": REASON})
    assert answer["Location"] == detail(stuck)
    stuck.refresh_from_db()
    assert (stuck.status, stuck.needs_review) == (RefundStatus.FAILED, False)
    assert "is closed as not executed" in resolver.get(detail(stuck)).text
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.get_username()) == (str(stuck.pk), "staff")
    assert REASON in told(entry)

    assert codes(resolver.post(close(stuck), {"reason": "again"}).text) == ["resolution_refused"]
    assert LogEntry.objects.count() == 1
    assert resolver.get(close(stuck))["Location"] == detail(stuck)


def test_closing_an_executed_refund_books_and_reports_it(
    resolver: Client, stuck: RefundRecord, sandbox: SandboxServer
) -> None:
    sandbox.settle(stuck.payment.imp_uid)
    page = resolver.post(close(stuck), {"reason": REASON}, follow=True).text
    stuck.refresh_from_db()
    assert stuck.status == RefundStatus.SUCCEEDED
    assert "was not closed" in page


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "nul\x00"])
def test_refund_is_not_closed_without_a_valid_reason(resolver: Client, stuck: RefundRecord, reason: str) -> None:
    answer = resolver.post(close(stuck), {"reason": reason})
    assert (answer.status_code, len(codes(answer.text))) == (200, 1)
    stuck.refresh_from_db()
    assert stuck.is_live


def test_refund_is_not_closed_while_imort_cannot_be_read(
    resolver: Client, stuck: RefundRecord, sandbox: SandboxServer
) -> None:
    sandbox.fault("payment", "http_500")
    page = resolver.post(close(stuck), {"reason": REASON}).text
    assert codes(page) == ["resolution_refused"]
    assert REASON in page
    stuck.refresh_from_db()
    assert stuck.is_live


@pytest.mark.parametrize("permissions", [("refund_payment", "view_refundrecord"), ("resolve_refund",), ()])
def test_closing_needs_the_resolve_and_view_permissions(client: Client, permissions: tuple[str, ...]) -> None:
    refund = open_refund(RefundStatus.PENDING, needs_review=True)
    sign_in(client, make_staff(*permissions))
    assert client.get(close(refund)).status_code == 403
    assert client.post(close(refund), {"reason": REASON}).status_code == 403
    assert close(refund) not in client.get(detail(refund)).text
    refund.refresh_from_db()
    assert refund.is_live


@pytest.mark.parametrize(
    ("status", "ago", "code"),
    [("pending", 2, "pending"), ("unknown", 2, "unknown"), ("requested", 2, "unknown"), ("requested", 0, "sending")],
)
def test_pages_show_the_progress_of_an_open_refund(resolver: Client, status: str, ago: int, code: str) -> None:
    refund = open_refund(status, requested_at=timezone.now() - timedelta(days=ago))
    pages = [resolver.get(url).text for url in (detail(refund), f"/admin/payments/payment/{refund.payment_id}/change/")]
    for page in pages:
        assert f'data-waiting="{code}"' in page
        assert ("just now" if ago == 0 else "2\xa0days ago") in page
        assert ("Next comparison" in page) == (code != "sending")
    assert "Check now" in pages[0]
    assert close(refund) not in pages[0]  # it needs no review yet


def test_ended_refund_shows_no_progress(resolver: Client) -> None:
    refund = open_refund(RefundStatus.FAILED, settled_at=timezone.now())
    assert "data-waiting" not in resolver.get(detail(refund)).text
    assert resolver.get(close(refund))["Location"] == detail(refund)


def test_unknown_refund_cannot_be_closed(resolver: Client) -> None:
    assert resolver.get("/admin/refunds/refundrecord/999/close/").status_code == 404


def test_ended_refund_can_be_marked_as_reviewed(client: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, promotion={"id": "p", "discount": 1_000})
    record = request_refund(
        payment=payment, request=RefundRequest(amount=Decimal(5_000)), actor=Actor("x"), source=RefundSource.API
    )
    page = f"/admin/refunds/refundrecord/{record.pk}/"
    client.force_login(make_staff("view_refundrecord", name="viewer"))
    assert "reviewed/" not in client.get(f"{page}change/").content.decode()
    assert client.post(f"{page}reviewed/").status_code == 403
    client.force_login(make_staff("view_refundrecord", "resolve_refund", name="resolver"))
    assert f"{page}reviewed/" in client.get(f"{page}change/").content.decode()
    client.post(f"{page}reviewed/")
    record.refresh_from_db()
    assert not record.needs_review
