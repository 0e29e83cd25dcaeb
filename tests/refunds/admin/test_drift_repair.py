"""Repair the discrepancies of a report, of one payment or of all shown, with a note for each payment."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.celery import app
from payments.gateway import Cancellation
from payments.models import Payment
from refunds.models import ReconciliationReport, Refunded, RefundRecord
from refunds.reconciliation.drift import compare_period
from refunds.reconciliation.repair import repair
from refunds.tasks import sweep
from tests.admin_pages import codes, sign_in
from tests.entry_points import run_command
from tests.factories import make_payment, make_refund, make_staff, paid_at_sandbox
from tests.fakes import InstantGateway
from tests.sandbox_server import SandboxServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager_worker")]


def found_now() -> ReconciliationReport:
    """Make a report without repair, so that all its discrepancies remain."""
    now = timezone.now()
    return compare_period(since=now - timedelta(days=1), until=now, check_only=True)


def page_of(report: ReconciliationReport) -> str:
    return f"/admin/refunds/reconciliationreport/{report.pk}/change/"


def press(client: Client, report: ReconciliationReport, payment: str = "all") -> list[str]:
    """Press the button; return the page's messages and its notes for each payment."""
    url = f"/admin/refunds/reconciliationreport/{report.pk}/repair/"
    answer: Any = client.post(url, {"payment": payment}, follow=True)
    assert answer.redirect_chain == [(page_of(report), 302)]
    report.refresh_from_db()
    told = [str(message) for message in answer.context["messages"]]
    return told + [f"{line.first.merchant_uid}: {line.note}" for line in answer.context["lines"] if line.note]


@pytest.fixture(params=["resolve_refund", "refund_payment"])
def repairer(client: Client, request: pytest.FixtureRequest) -> Client:
    return sign_in(client, make_staff(request.param, "view_reconciliationreport", "view_payment"))


def test_one_discrepancy_is_repaired_with_all_of_its_payment(repairer: Client, sandbox: SandboxServer) -> None:
    payment, other = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    for one in (payment, other):
        sandbox.console_cancel(one.imp_uid, 1_000, "console")
    report = found_now()
    assert repairer.get(page_of(report)).text.count('value="all"') == 1

    assert press(repairer, report, payment.imp_uid) == [
        f"{payment.merchant_uid}: Refunds made at i'mport were added here. Recorded here: ₩1,000 of ₩10,000 refunded."
    ]

    assert (report.found, report.repaired) == (2, 1)
    assert report.refunded == [Refunded("KRW", Decimal(1_000), Decimal(2_000))]
    assert list(RefundRecord.objects.values_list("payment", flat=True)) == [payment.pk]
    assert set(report.discrepancies.filter(repaired=False).values_list("imp_uid", flat=True)) == {other.imp_uid}


def test_all_shown_are_repaired_and_a_second_press_changes_nothing(repairer: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "console")
    sandbox.create_payment(merchant_uid="never-mirrored", amount=5_000)
    report = found_now()

    told = press(repairer, report)

    assert len(told) == 2
    assert "never-mirrored: The payment was added here. Recorded here: ₩0 of ₩5,000 refunded." in told
    assert (report.found, report.repaired) == (2, 2)
    assert press(repairer, report)[0] == "There is nothing left to repair."
    assert (RefundRecord.objects.count(), Payment.objects.count(), report.repaired) == (1, 2, 2)
    page = repairer.get(page_of(report)).text
    assert "All repaired" in page
    assert "Repair all shown" not in page
    assert found_now().found == 0


def test_two_presses_at_once_count_each_discrepancy_once(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "console")
    report, line = found_now(), Barrier(2)

    def at_once() -> None:
        try:
            found = list(report.discrepancies.all())
            line.wait()
            repair(report=report, found=found)
        finally:
            connection.close()

    presses = [Thread(target=at_once) for _press in range(2)]
    for press_ in presses:
        press_.start()
    for press_ in presses:
        press_.join()

    report.refresh_from_db()
    assert (report.found, report.repaired) == (1, 1)
    assert report.refunded == [Refunded("KRW", Decimal(1_000), Decimal(1_000))]
    assert RefundRecord.objects.count() == 1


@pytest.mark.parametrize("does_it", [sweep, lambda: run_command("reconcile")])
def test_a_repair_whose_worker_is_gone_is_done_later(repairer: Client, sandbox: SandboxServer, does_it: Any) -> None:
    for name in ("one", "other"):
        sandbox.create_payment(merchant_uid=name)
    report = found_now()
    app.conf.task_always_eager = False
    assert press(repairer, report) == []
    page = repairer.get(page_of(report)).text
    assert codes(page) == ["repairing"]
    assert "2 payments left to repair" in page
    assert "Repair all shown" not in page
    app.conf.task_always_eager = True

    report.discrepancies.update(repair_requested_at=timezone.now() - timedelta(hours=1))
    assert codes(repairer.get(page_of(report)).text) == ["repairing", "no_worker"]
    does_it()

    page = repairer.get(page_of(report)).text
    assert codes(page) == []
    assert "All repaired" in page
    assert page.count("The payment was added here.") == 2


def test_a_refund_that_still_waits_says_what_to_do(repairer: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    make_refund(payment, status="unknown")
    report = found_now()

    assert press(repairer, report) == [
        f"{payment.merchant_uid}: The refund is still open: Outcome unknown. It is checked again "
        "automatically. If it needs review, ask i'mport or the PG, then close it on the refund's page. Recorded here: "
        "₩0 of ₩10,000 refunded."
    ]
    assert report.remaining == 1


@pytest.mark.parametrize("ended_by", ["this repair", "the sweep before it"])
def test_a_refund_that_was_not_executed_is_named(repairer: Client, sandbox: SandboxServer, ended_by: str) -> None:
    payment = paid_at_sandbox(sandbox)
    refund = make_refund(payment, status="unknown", requested_at=timezone.now() - timedelta(hours=1))
    report = found_now()
    if ended_by != "this repair":
        sweep()

    assert press(repairer, report) == [
        f"{payment.merchant_uid}: Refund {refund.number} of ₩1,000 was not executed. Request it again if it is still "
        "needed. Recorded here: ₩0 of ₩10,000 refunded."
    ]
    assert report.remaining == 0


@pytest.mark.parametrize("is_here", [True, False])
def test_a_payment_that_cannot_be_booked_is_told(
    repairer: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, is_here: bool
) -> None:
    payment = make_payment(merchant_uid="odd")
    gateway = InstantGateway(payment)
    gateway.cancels = [Cancellation(amount=Decimal(10_300), cancelled_at=timezone.now(), cancellation_id="item")]
    if not is_here:
        payment.delete()
    for module in ("drift", "repair"):
        monkeypatch.setattr(f"refunds.reconciliation.{module}.get_gateway", lambda: gateway)
    report = found_now()
    ours = " Recorded here: ₩0 of ₩10,000 refunded." if is_here else ""

    assert press(repairer, report) == [
        "odd: i'mport's data could not be recorded. See the log. Nothing was changed. Ask the server administrator to "
        f"look into it.{ours}"
    ]
    assert report.repaired == 0


def test_a_payment_that_iamport_does_not_show_is_told(repairer: Client, sandbox: SandboxServer) -> None:
    make_payment(merchant_uid="ours-only")
    sandbox.create_payment(merchant_uid="theirs-only")
    report = found_now()
    advice = "Try again later. If this persists, ask the server administrator whether the i'mport API keys belong"
    page: Any = repairer.get(page_of(report))
    ours = {line.first.merchant_uid: line for line in page.context["lines"]}["ours-only"]
    assert advice in ours.note
    assert not ours.may_be_repaired
    assert press(repairer, report, ours.first.imp_uid)[0] == "There is nothing left to repair."

    sandbox.fault("payment", "http_500")
    told = press(repairer, report)
    assert any(text.startswith("theirs-only: ") and advice in text for text in told)
    assert report.remaining == 2


def test_repair_reverses_nothing(repairer: Client, sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    make_refund(payment)
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=1_000, status="cancelled")
    report = found_now()

    (told,) = press(repairer, report)

    assert told.startswith(f"{payment.merchant_uid}: i'mport shows ₩0 refunded, but ₩1,000 is recorded here")
    assert told.endswith("Recorded here: ₩1,000 of ₩10,000 refunded.")
    assert report.repaired == 0


def test_what_is_still_there_is_shown_first(
    repairer: Client, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refunds.admin.drift.views.SHOWN", 1)
    for name in ("one", "other"):
        make_payment(merchant_uid=name)
    report = found_now()
    first, second = report.discrepancies.order_by("pk")
    report.discrepancies.filter(pk=first.pk).update(repaired=True)
    page = repairer.get(page_of(report)).text
    assert f">{second.merchant_uid}<" in page
    assert f">{first.merchant_uid}<" not in page


@pytest.mark.parametrize("payment", ["", "0", "junk", "9" * 30])
def test_what_is_no_payment_of_the_report_repairs_nothing(
    repairer: Client, sandbox: SandboxServer, payment: str
) -> None:
    sandbox.create_payment(merchant_uid="never-mirrored")
    assert press(repairer, found_now(), payment) == ["There is nothing left to repair."]
    assert not Payment.objects.exists()


def test_a_comparison_that_is_not_over_cannot_be_repaired(repairer: Client, sandbox: SandboxServer) -> None:
    sandbox.create_payment(merchant_uid="never-mirrored")
    report = found_now()
    ReconciliationReport.objects.update(finished_at=None)  # as while it runs
    assert "Repair all shown" not in repairer.get(page_of(report)).text
    assert press(repairer, report) == ["There is nothing left to repair."]


@pytest.mark.parametrize("permissions", [("view_reconciliationreport", "view_payment"), ("refund_payment",), ()])
def test_others_cannot_repair(client: Client, sandbox: SandboxServer, permissions: tuple[str, ...]) -> None:
    sandbox.create_payment(merchant_uid="never-mirrored")
    report = found_now()
    sign_in(client, make_staff(*permissions))
    assert (
        client.post(f"/admin/refunds/reconciliationreport/{report.pk}/repair/", {"payment": "all"}).status_code == 403
    )
    assert "Repair all shown" not in client.get(page_of(report)).text
    assert not Payment.objects.exists()
