"""The pages of a month: its statement, its files, and closing it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import translation
from openpyxl import load_workbook

from core.admin.log import told
from payments.models import Payment
from refunds.models import ReconciliationReport, RefundReversal, StatementEntry, StatementMonth
from tests.admin_pages import codes
from tests.factories import make_payment, make_refund, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER = datetime(2026, 10, 10, 3, tzinfo=UTC)
URL = "/admin/refunds/statementmonth/"
KOREAN = {"accept-language": "ko"}
REPORTS = ("view_payment", "view_refundrecord", "view_reconciliationreport")


@pytest.fixture(autouse=True)
def november() -> Any:
    with time_machine.travel(datetime(2026, 11, 15, 3, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def payment() -> Payment:
    payment = make_payment(amount=Decimal(110_000), paid_at=OCTOBER, pay_method="vbank", pg_provider="nice")
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=11_000)
    at = OCTOBER + timedelta(days=2)
    make_refund(payment, amount=Decimal(11_000), requested_at=at, settled_at=at, cancelled_at=at)
    return payment


def manager(client: Client, *permissions: str) -> Client:
    client.force_login(make_staff(*REPORTS, "resolve_refund", "close_month", *permissions))
    return client


def seen(text: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', text)
    assert found
    return found[1]


def file_of(client: Client, content: str, kind: str, month: str = "2026-10") -> bytes:
    return b"".join(client.get(f"{URL}{month}/file/{content}/{kind}/").streaming_content)  # type: ignore[attr-defined]


def compared(difference: int = 0, *, days_after: int = 1) -> ReconciliationReport:
    """Store a finished comparison of October, made so many days after its end."""
    start, end = datetime(2026, 9, 30, 15, tzinfo=UTC), datetime(2026, 10, 31, 15, tzinfo=UTC)
    now = end + timedelta(days=days_after)
    sums = {"KRW": ["11000", str(11_000 + difference)]}
    facts = {"found": int(bool(difference)), "sums": sums, "started_at": now, "finished_at": now}
    return ReconciliationReport.objects.create(since=start, until=end - timedelta(microseconds=1), **facts)


def test_a_month_that_agrees_is_closed_once(client: Client, payment: Payment) -> None:
    manager(client)
    compared()
    shown = client.get(f"{URL}2026-10/").text
    assert "₩110,000" in shown
    assert "₩99,000" in shown
    assert "month_differs" not in codes(shown)
    answer: Any = client.post(f"{URL}2026-10/", {"seen": seen(shown), "note": "checked"}, follow=True, headers=KOREAN)
    assert 'data-state="closed"' in answer.text
    month = StatementMonth.objects.get()
    assert (str(month), month.closed_by_name, month.note, month.despite_difference) == (
        "2026-10",
        "staff",
        "checked",
        False,
    )
    assert StatementEntry.objects.count() == 2
    with translation.override("en"):
        assert told(LogEntry.objects.get()) == "Closed the month"
    again = client.post(f"{URL}2026-10/", {"seen": seen(shown)})
    assert StatementMonth.objects.count() == 1
    assert 'id="close"' not in again.text


@pytest.mark.parametrize(("difference", "days_after"), [(None, 1), (500, 1), (0, -9)])
def test_a_month_that_was_not_compared_or_differs_needs_a_tick(
    client: Client, payment: Payment, difference: int | None, days_after: int
) -> None:
    manager(client)
    if difference is not None:
        compared(difference, days_after=days_after)
    shown = client.get(f"{URL}2026-10/").text
    refused = client.post(f"{URL}2026-10/", {"seen": seen(shown), "note": "why"})
    assert "month_differs" in codes(refused.text)
    assert 'value="why"' in refused.text
    assert not StatementMonth.objects.exists()
    client.post(f"{URL}2026-10/", {"seen": seen(shown), "anyway": "on"})
    assert StatementMonth.objects.get().despite_difference


def test_a_month_that_changed_since_it_was_shown_is_shown_again(client: Client, payment: Payment) -> None:
    manager(client)
    compared()
    shown = client.get(f"{URL}2026-10/").text
    make_payment(paid_at=OCTOBER)
    refused = client.post(f"{URL}2026-10/", {"seen": seen(shown)})
    assert "month_changed" in codes(refused.text)
    assert not StatementEntry.objects.exists()
    client.post(f"{URL}2026-10/", {"seen": seen(refused.text)})
    assert StatementEntry.objects.count() == 3


def test_a_late_refund_is_named_in_the_next_month(client: Client, payment: Payment) -> None:
    manager(client)
    client.post(f"{URL}2026-10/", {"seen": seen(client.get(f"{URL}2026-10/").text), "anyway": "on"})
    before = client.get(f"{URL}2026-10/").text
    make_refund(payment, amount=Decimal(2_200), cancelled_at=OCTOBER + timedelta(days=3))
    november = client.get(f"{URL}2026-11/").text
    assert 'id="earlier"' in november
    assert payment.merchant_uid in november
    assert "₩2,200" in november
    assert client.get(f"{URL}2026-10/").text.partition('id="lines"')[2] == before.partition('id="lines"')[2]
    assert "₩2,200" not in client.get(f"{URL}2026-10/").text
    listed = client.get(URL).text
    assert re.findall(r'data-month="([^"]+)" data-state="([a-z]+)"', listed) == [
        ("2026-11", "running"),
        ("2026-10", "closed"),
    ]
    rows = file_of(client, "movements", "csv", "2026-11").decode()
    assert "2200" in rows


def test_files_and_print_view(client: Client, payment: Payment) -> None:
    manager(client)
    assert "₩99,000" in client.get(f"{URL}2026-10/print/").text
    for content in ("lines", "movements"):
        assert client.get(f"{URL}2026-10/file/{content}/xlsx/").status_code == 200
        csv = file_of(client, content, "csv").decode()
        assert "11000" in csv
        assert "1000" in csv  # the VAT
        assert "300" in csv  # the transfer fee
    assert load_workbook(BytesIO(file_of(client, "movements", "xlsx"))).sheetnames == [
        "statement-2026-10-movements",
        "Totals",
    ]
    make_payment(paid_at=OCTOBER)
    *_lines, last = file_of(client, "lines", "csv").decode().splitlines()
    assert last.split(",")[:5] == ["Totals", "", "KRW", "2", "120000"]


def test_movements_are_in_the_order_of_their_dates_before_and_after_closing(client: Client, payment: Payment) -> None:
    manager(client)
    for days in (5, 1):
        make_payment(paid_at=OCTOBER + timedelta(days=days))
    taken_back = {"seen_at": OCTOBER, "created_at": OCTOBER + timedelta(days=4), "reason": "bank"}
    RefundReversal.objects.create(refund=payment.refunds.get(), amount=Decimal(1), **taken_back)
    in_order = [f"2026-10-{day}" for day in (10, 11, 12, 14, 15)]
    assert re.findall(r"^2026-..-..", file_of(client, "movements", "csv").decode(), re.M) == in_order
    client.post(f"{URL}2026-10/", {"seen": seen(client.get(f"{URL}2026-10/").text), "anyway": "on"})
    assert StatementMonth.objects.exists()
    assert re.findall(r"^2026-..-..", file_of(client, "movements", "csv").decode(), re.M) == in_order


def test_who_may_see_and_who_may_close(client: Client, payment: Payment) -> None:
    client.force_login(make_staff("view_payment"))
    assert client.get(URL).status_code == 403
    assert client.get(f"{URL}2026-10/").status_code == 403
    client.force_login(make_staff(*REPORTS, name="viewer"))
    shown = client.get(f"{URL}2026-10/")
    assert 'id="close"' not in shown.text
    assert client.post(f"{URL}2026-10/", {"seen": "x", "anyway": "on"}).status_code == 403
    assert not StatementMonth.objects.exists()


@pytest.mark.parametrize("month", ["2026-12", "2026-13", "now", "0001-01", "2026-1"])
def test_no_page_for_what_is_no_month_yet(client: Client, month: str) -> None:
    assert manager(client).get(f"{URL}{month}/").status_code == 404


def test_codes_of_one_pg_company_are_one_line(client: Client, payment: Payment) -> None:
    make_payment(amount=Decimal(5_000), paid_at=OCTOBER, pay_method="vbank", pg_provider="nice_v2")
    manager(client)
    page: Any = client.get(f"{URL}2026-10/")
    assert [(line.paid.sums.count, line.net) for line in page.context["lines"]] == [(2, Decimal(104_000))]
