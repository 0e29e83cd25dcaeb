"""Reconciliation reports in the admin: viewed, downloaded, made with a permission, never edited."""

import csv
from datetime import timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from config.celery import app
from payments.intake.sync import sync_by_id
from payments.models import Payment
from refunds.models import Discrepancy, ReconciliationReport, Refunded, RefundRecord
from refunds.reconciliation.drift import run_comparison
from refunds.tasks import sweep
from tests.admin_pages import codes, sign_in
from tests.factories import make_payment, make_refund, make_staff, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]

REPORTS = "/admin/refunds/reconciliationreport/"
COMPARE = f"{REPORTS}compare/"


@pytest.fixture
def resolver(client: Client) -> Client:
    return sign_in(client, make_staff("resolve_refund", "view_payment"))


def make_report(*kinds: str, repaired: bool = False, **fields: Any) -> ReconciliationReport:
    now = timezone.now()
    known = {"since": now - timedelta(days=1), "until": now, "started_at": now, "finished_at": now}
    counts = {"found": len(kinds), "repaired": len(kinds) * repaired}
    report = ReconciliationReport.objects.create(**{**known, **counts, **fields})
    for kind in kinds:
        Discrepancy.objects.create(
            report=report, imp_uid="imp_1", merchant_uid="=order-1", kind=kind, ours="10", repaired=repaired
        )
    return report


def page_of(report: ReconciliationReport) -> str:
    return f"{REPORTS}{report.pk}/change/"


def asked(mode: str, days: int = 7) -> dict[str, str]:
    today = timezone.localdate()
    return {"since": str(today - timedelta(days=days - 1)), "until": str(today), "mode": mode}


def test_looking_at_the_form_compares_nothing(resolver: Client, sandbox: SandboxServer) -> None:
    page = resolver.get(COMPARE).text
    for value in asked("check").values():
        assert f'value="{value}"' in page
    assert not ReconciliationReport.objects.exists()
    assert sandbox.stats() == {}
    assert COMPARE in resolver.get(REPORTS).text


def test_comparing_reports_the_discrepancies_and_repairs_nothing(resolver: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "console")
    answer: Any = resolver.post(COMPARE, asked("check"), follow=True)
    report = ReconciliationReport.objects.get()
    assert answer.redirect_chain == [(page_of(report), 302)]
    assert report.check_only
    for text in (
        "Refunded amount differs",
        "₩1,000",
        f"/admin/payments/payment/{payment.pk}/change/",
        "1 unresolved disc",
    ):
        assert text in answer.text
    assert not RefundRecord.objects.exists()


def test_comparing_with_repair_brings_the_ledgers_together(resolver: Client, sandbox: SandboxServer) -> None:
    sandbox.create_payment(merchant_uid="never-mirrored")
    page = resolver.post(COMPARE, asked("repair"), follow=True).text
    assert "All repaired" in page
    assert Payment.objects.filter(merchant_uid="never-mirrored").exists()
    assert "No discrepancies" in resolver.post(COMPARE, asked("repair"), follow=True).text


def test_finance_reads_one_row_per_payment_and_the_totals(resolver: Client, sandbox: SandboxServer) -> None:
    missed, agreeing, waiting = (paid_at_sandbox(sandbox) for _payment in range(3))
    sandbox.console_cancel(missed.imp_uid, 4_000, "console")
    for payment, status in ((waiting, "pending"), (agreeing, "failed")):
        make_refund(payment, status=status)
    test_payment = sandbox.create_payment(sandbox=True, amount=500)["imp_uid"]
    list(sync_by_id([test_payment]))
    sandbox.console_cancel(test_payment, 500, "console")

    page: Any = resolver.post(COMPARE, asked("check"), follow=True)

    assert {line.first.imp_uid for line in page.context["lines"]} == {missed.imp_uid, test_payment}
    assert [refund.payment for refund in page.context["waiting"]] == [waiting]
    assert page.text.count('value="imp_') == 2  # one button for each payment that differs
    report = ReconciliationReport.objects.get()
    assert report.refunded == [Refunded("KRW", Decimal(0), Decimal(4_000))]  # not of the test payment
    assert report.remaining == 2

    found: Any = resolver.get(f"{REPORTS}{report.pk}/report/csv/", headers={"Accept-Language": "ko"})
    rows = csv.DictReader(StringIO(found.getvalue().decode("utf-8-sig")))
    first = {row["주문번호"]: row for row in rows}[missed.merchant_uid]
    assert first["통화"] == "KRW"
    assert [first[name] for name in ("환불 관리 내역", "아임포트 환불 금액", "차액")] == ["0", "4000", "4000"]
    assert (first["상태"], first["상태(코드)"]) == ("미해결", "unresolved")
    assert first["불일치(코드)"].split(", ") == ["refunded", "records", "status"]
    assert "결제 완료 / 취소" in first["불일치"]

    found = resolver.get(f"{REPORTS}{report.pk}/report/xlsx/")
    sheet, totals = load_workbook(BytesIO(found.getvalue())).worksheets
    states = [row[-2] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert sorted(states) == ["unresolved", "unresolved", "waiting"]
    assert list(totals.iter_rows(values_only=True))[1:] == [("KRW", 0, 4_000, 4_000)]


def test_a_comparison_follows_its_worker(resolver: Client, sandbox: SandboxServer) -> None:
    paid_at_sandbox(sandbox)
    app.conf.task_always_eager = False
    url = resolver.post(COMPARE, asked("check"))["Location"]
    page = resolver.get(url).text
    assert codes(page) == ["waiting"]
    assert "data-follow" in page
    report = ReconciliationReport.objects.get()
    app.conf.task_always_eager = True

    ReconciliationReport.objects.update(started_at=timezone.now() - timedelta(seconds=10))
    assert codes(resolver.get(url).text) == ["waiting", "no_worker"]
    ReconciliationReport.objects.update(claimed_at=timezone.now(), compared=100, total=300)
    page = resolver.get(url).text
    assert codes(page) == ["running"]
    assert "100 of 300 payments compared" in page
    assert "(100/300)" in page
    run_comparison(report_id=report.pk)  # another process is running it
    assert sandbox.stats().get("status") is None
    ReconciliationReport.objects.update(claimed_at=timezone.now() - timedelta(seconds=20))
    assert codes(resolver.get(url).text) == ["stalled", "no_worker"]

    ReconciliationReport.objects.update(claimed_at=timezone.now() - timedelta(hours=1))
    page = resolver.get(url).text
    assert codes(page) == ["interrupted"]
    assert "data-follow" not in page

    ReconciliationReport.objects.update(claimed_at=None, compared=0)
    sweep()
    page = resolver.get(url).text
    assert codes(page) == []
    assert "No discrepancies" in page


def test_a_comparison_that_is_broken_off_says_so(resolver: Client, sandbox: SandboxServer) -> None:
    sandbox.fault("status", "http_500")
    page = resolver.post(COMPARE, asked("check"), follow=True).text
    assert "Stopped early" in page
    assert "broken_off" in codes(page)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"since": "2020-01-02", "until": "2020-01-01"}, "period_reversed"),
        ({"since": "2020-01-01", "until": "2020-03-31"}, "period_too_long"),
        ({"since": "9990-01-01", "until": "9990-01-02"}, "period_in_future"),
        ({"since": "", "until": "2020-01-01"}, "required"),
        ({"since": "junk"}, "invalid"),
        ({"until": "9999-12-31"}, "period_too_long"),
        ({"mode": "drop"}, "invalid_choice"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(resolver: Client, change: dict[str, str], code: str) -> None:
    assert codes(resolver.post(COMPARE, asked("check") | change).text) == [code]
    assert not ReconciliationReport.objects.exists()


def test_ninety_days_are_not_too_many(resolver: Client, sandbox: SandboxServer) -> None:
    assert resolver.post(COMPARE, asked("check", days=90)).status_code == 302
    assert timezone.localdate(ReconciliationReport.objects.get().until) == timezone.localdate()


def test_a_viewer_reads_and_downloads_but_cannot_compare(client: Client) -> None:
    sign_in(client, make_staff("view_reconciliationreport"))
    report = make_report("missing_there")
    assert COMPARE not in client.get(REPORTS).text
    assert "not found at i&#x27;mport" in client.get(page_of(report)).text
    assert client.get(COMPARE).status_code == 403
    assert client.post(COMPARE, asked("repair")).status_code == 403
    assert ReconciliationReport.objects.count() == 1

    answer: Any = client.get(f"{REPORTS}{report.pk}/report/csv/")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="reconciliation-report-{report.pk}.csv"' in answer["Content-Disposition"]
    assert "'=order-1,imp_1," in answer.getvalue().decode()
    assert client.get(f"{REPORTS}{report.pk}/report/pdf/").status_code == 404


def test_links_lead_only_to_payments_that_one_may_see(client: Client) -> None:
    sign_in(client, make_staff("view_reconciliationreport"))
    payment = make_payment(imp_uid="imp_1")
    page = client.get(page_of(make_report("status"))).text
    assert "=order-1" in page
    assert f"/payment/{payment.pk}/" not in page


def test_others_see_no_reports(client: Client) -> None:
    report = make_report()
    sign_in(client, make_staff("refund_payment", "view_payment"))
    for url in (REPORTS, page_of(report), f"{REPORTS}{report.pk}/report/csv/", COMPARE):
        assert client.get(url).status_code == 403


def test_nobody_adds_changes_or_deletes_reports(admin_client: Client) -> None:
    report = make_report()
    for path in ("add/", f"{report.pk}/delete/"):
        assert admin_client.get(f"{REPORTS}{path}").status_code == 403
    assert admin_client.post(page_of(report), {"found": "0"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, 4),
        ({"result": "agrees"}, 1),
        ({"result": "repaired"}, 1),
        ({"result": "differs"}, 1),
        ({"result": "broken_off"}, 1),
        ({"result": "junk"}, 0),
        ({"mode": "check"}, 1),
        ({"mode": "repair"}, 3),
        ({"started_at_to": "2020-01-01"}, 0),
    ],
)
def test_the_reports_are_filtered(resolver: Client, query: dict[str, str], expected: int) -> None:
    make_report()
    make_report("status", repaired=True)
    make_report("status", check_only=True)
    make_report(finished_at=None, error="i'mport could not be reached")
    answer: Any = resolver.get(REPORTS, query)
    assert len(answer.context["cl"].result_list) == expected
