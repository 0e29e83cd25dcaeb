"""`manage.py reconcile --all`: compare our ledger with i'mport's for a period."""

import csv
import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.translation import override

from payments.gateway import GatewayPayment
from payments.models import Payment
from refunds.models import ReconciliationReport, RefundRecord
from refunds.reconciliation.discrepancies import find_discrepancies
from tests.factories import make_payment, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

SINCE = "--since=2020-01-01"
SEOUL = ZoneInfo("Asia/Seoul")


def compare(*args: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile", "--all", *args, stdout=out, stderr=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue()
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


def compare_json(*args: str) -> tuple[int, dict[str, Any]]:
    code, text = compare(f"--since={timezone.localdate() - timedelta(days=7)}", "--json", *args)
    return code, json.loads(text)


def test_equal_ledgers_have_no_discrepancies(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    call_command("refund", payment.merchant_uid, "--amount", "1000", stdout=StringIO())
    code, document = compare_json()
    assert (code, document["compared"], document["found"]) == (0, 1, 0)


def test_check_reports_and_repairs_nothing(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "console")
    code, document = compare_json("--check")
    kinds = {found["kind"] for found in document["differences"]}
    assert (code, kinds) == (1, {"refunded", "records", "status"})
    assert not RefundRecord.objects.exists()


@pytest.mark.parametrize(("status", "words"), [("cancelled", "Cancelled"), ("new_word", "Unknown (new_word)")])
def test_statuses_are_shown_in_the_readers_language(status: str, words: str) -> None:
    ours = make_payment()
    theirs = GatewayPayment(ours.imp_uid, ours.merchant_uid, status, ours.amount, ours.cancel_amount)
    with override("ko"):
        found = find_discrepancies(ours, theirs)
    assert [(one.here, one.there) for one in found] == [("Paid", words)]


def test_report_is_named_after_its_days_in_seoul() -> None:
    until = datetime(2026, 3, 31, 23, 59, tzinfo=SEOUL)
    assert str(ReconciliationReport(since=datetime(2026, 3, 1, tzinfo=SEOUL), until=until)) == "2026-03-01 – 2026-03-31"


def test_discrepancies_are_repaired(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.console_cancel(payment.imp_uid, 1_000, "console")
    sandbox.create_payment(merchant_uid="never-mirrored")
    code, document = compare_json()
    assert (code, document["found"], document["repaired"]) == (0, 4, 4)
    payment.refresh_from_db()
    assert payment.cancel_amount == 1_000
    assert Payment.objects.filter(merchant_uid="never-mirrored").exists()
    assert compare_json("--check")[1]["found"] == 0


def test_a_payment_that_imort_does_not_know_is_reported(sandbox: SandboxServer) -> None:
    make_payment(merchant_uid="ours-only")
    code, document = compare_json()
    assert (code, [found["kind"] for found in document["differences"]]) == (1, ["missing_there"])


def test_open_refund_is_a_discrepancy_until_it_is_settled(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    with pytest.raises(SystemExit):
        call_command("refund", payment.merchant_uid, stdout=StringIO(), stderr=StringIO())
    assert [found["kind"] for found in compare_json()[1]["differences"]] == ["open_refund"]
    sandbox.settle(payment.imp_uid)
    assert compare_json()[0] == 0
    assert compare_json()[1]["found"] == 0


def test_report_is_kept_if_imort_cannot_be_read(sandbox: SandboxServer) -> None:
    sandbox.fault("status", "http_500")
    code, document = compare_json()
    assert (code, document["ok"]) == (1, False)
    assert ReconciliationReport.objects.get().finished_at is None
    assert ReconciliationReport.objects.get().error


def test_csv_contains_no_formulas(sandbox: SandboxServer, tmp_path: Path) -> None:
    make_payment(merchant_uid="=1+1")
    compare(SINCE, "--csv", str(tmp_path / "drift.csv"))
    with (tmp_path / "drift.csv").open(encoding="utf-8-sig") as file:
        assert [row["order"] for row in csv.DictReader(file)] == ["'=1+1"]


@pytest.mark.parametrize("name", ["", "missing/drift.csv"])
def test_a_csv_file_that_cannot_be_written_is_refused_before_any_work(
    sandbox: SandboxServer, tmp_path: Path, name: str
) -> None:
    code, text = compare_json("--csv", str(tmp_path / name))
    assert (code, text["code"]) == (2, "invalid_options")
    assert str(tmp_path / name) in text["message"]
    assert not ReconciliationReport.objects.exists()
    assert sandbox.log("status") == []


@pytest.mark.parametrize("args", [(), ("ORDER", SINCE), (SINCE, "--until=2019-01-01"), ("--since=never",)])
def test_bad_options_are_usage_errors(sandbox: SandboxServer, args: tuple[str, ...]) -> None:
    assert compare(*args)[0] in (1, 2)
    assert not ReconciliationReport.objects.exists()
