"""`manage.py refund` and `manage.py reconcile`, used by an operator and by a script."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.renderers import JSONRenderer

from payments.models import Payment
from refunds.models import RefundRecord, RefundSource, RefundStatus
from tests.entry_points import Terminal
from tests.factories import ACCOUNT_DIGITS, make_payment, paid_at_sandbox
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str) -> tuple[int, str]:
    """Run a command; return its exit code and output."""
    out = StringIO()
    try:
        call_command(*args, stdout=out, stderr=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue() + str(exc)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


def run_json(*args: str) -> tuple[int, dict[str, Any]]:
    code, text = run(*args, "--json")
    document: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return code, document


def test_several_orders_are_refunded_and_reported(sandbox: SandboxServer) -> None:
    first, second = paid_at_sandbox(sandbox), paid_at_sandbox(sandbox)
    code, document = run_json("refund", first.merchant_uid, second.imp_uid, "--amount", "4,000", "--reason", "size")
    assert code == 0
    assert [result["refund"]["amount"] for result in document["results"]] == [4000, 4000]
    assert set(RefundRecord.objects.values_list("source", "reason")) == {(RefundSource.COMMAND, "size")}
    assert "manage.py (" in RefundRecord.objects.first().requested_by_name  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("typed", "code"), [("4.000", "invalid_amount"), ("4.00", "invalid_amount"), ("₩4,000", ""), ("４０００원", "")]
)
def test_amount_is_read_as_people_write_it_in_korea(sandbox: SandboxServer, typed: str, code: str) -> None:
    payment = paid_at_sandbox(sandbox)
    document = run_json("refund", payment.merchant_uid, "--amount", typed)[1]
    assert (document.get("code") or document["results"][0]["code"]) == code
    assert sandbox.payment(payment.imp_uid)["cancel_amount"] == (0 if code else 4_000)


@pytest.mark.parametrize(("answer", "confirmed", "sent"), [("n\n", (), 0), ("y\n", (), 1), ("", ("escrow",), 1)])
def test_terminal_asks_about_a_warning_before_anything_is_sent(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, answer: str, confirmed: tuple[str, ...], sent: int
) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="html5_inicis", escrow=True)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    options = [part for code in confirmed for part in ("--confirm", code)]

    exit_code, text = run("refund", payment.merchant_uid, *options)

    assert exit_code == (0 if sent else 1)
    assert len(sandbox.log("cancel")) == sent
    assert "This is an escrow payment" in text
    assert ("--confirm escrow" in text) is not bool(sent)


def test_script_is_told_the_warnings_of_what_was_refunded(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pg_provider="html5_inicis", escrow=True)
    (result,) = run_json("refund", payment.merchant_uid)[1]["results"]
    assert (result["ok"], [warning["code"] for warning in result["warnings"]]) == (True, ["escrow"])


def test_times_are_written_as_the_api_writes_them(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    refund = run_json("refund", payment.merchant_uid)[1]["results"][0]["refund"]
    record = RefundRecord.objects.get()
    assert refund["requested_at"] == json.loads(JSONRenderer().render(record.requested_at))
    assert refund["requested_at"].endswith("Z")


def test_one_bad_order_does_not_stop_the_others(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    code, document = run_json("refund", "nobody", "x" * 5000, payment.merchant_uid)
    assert code == 1
    assert [result["code"] for result in document["results"]] == ["payment_not_found", "invalid_uid", ""]


def test_text_output_has_sentences(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    code, text = run("refund", payment.merchant_uid, "--amount", "4000")
    day = RefundRecord.objects.get().expected_by
    assert (code, day is not None) == (0, True)
    assert text.strip().splitlines() == [
        f"{payment.merchant_uid}: ₩4,000 refunded, ₩6,000 left to refund.",
        f"  The money usually arrives by {day:%Y-%m-%d}.",
    ]


def test_dry_run_previews_and_sends_nothing(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank")
    code, document = run_json("refund", payment.merchant_uid, "--dry-run")
    assert (code, document["results"][0]["code"]) == (1, "account_required")
    account = ("--refund-holder", "홍길동", "--refund-bank", "신한", "--refund-account", "110-123-456789")
    code, text = run("refund", payment.merchant_uid, "--dry-run", *account)
    assert code == 0
    assert "₩10,300" in text
    assert ACCOUNT_DIGITS not in text
    assert sandbox.log("cancel") == []
    assert not RefundRecord.objects.exists()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--amount", "abc"), "invalid_amount"),
        (("--amount", "NaN"), "invalid_amount"),
        (("--reason", "x" * 5000), "invalid_text"),
    ],
)
def test_unusable_options_are_a_usage_error(sandbox: SandboxServer, args: tuple[str, ...], code: str) -> None:
    payment = paid_at_sandbox(sandbox)
    exit_code, document = run_json("refund", payment.merchant_uid, *args)
    assert (exit_code, document["code"], document["ok"]) == (2, code, False)
    assert sandbox.log("cancel") == []


def test_a_missing_key_is_a_configuration_error(settings: Settings) -> None:
    settings.IAMPORT_IMP_KEY = ""
    payment = make_payment()
    for command in ("refund", "reconcile"):
        assert run(command, payment.merchant_uid)[0] == 2
    assert not RefundRecord.objects.exists()


@pytest.mark.parametrize("fault", ["refuse", "drop_after", "accept_later"])
def test_unfinished_refund_gives_exit_code_1(sandbox: SandboxServer, fault: str) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", fault, times=1)
    assert run("refund", payment.merchant_uid)[0] == 1


def test_child_process_gives_exit_codes_and_clean_json(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment = paid_at_sandbox(sandbox)

    def start(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "refund", *args]
        return subprocess.run(command, cwd=ROOT, env=child_environment(), capture_output=True, text=True, check=False)

    done = start(payment.merchant_uid, "--json")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True), done.stderr
    assert start().returncode == 2


# --- reconcile ------------------------------------------------------------------------------------------------


def long_ago(record: RefundRecord, settings: Settings) -> None:
    """Move the record into the past, beyond its lease."""
    then = timezone.now() - timedelta(seconds=settings.REFUND_LEASE_SECONDS + 1)
    RefundRecord.objects.filter(pk=record.pk).update(requested_at=then)


def test_executed_unknown_refund_is_settled(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    run("refund", payment.merchant_uid, "--amount", "1000")
    assert run("reconcile")[0] == 0
    payment.refresh_from_db()
    assert (payment.cancel_amount, payment.refunds.get().status) == (1_000, RefundStatus.SUCCEEDED)
    assert len(sandbox.log("cancel")) == 1


def test_unexecuted_unknown_refund_fails_after_its_lease(sandbox: SandboxServer, settings: Settings) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_before", times=1)
    run("refund", payment.merchant_uid, "--amount", "1000")
    code, document = run_json("reconcile")
    assert (code, document["results"][0]["code"]) == (1, "waiting")
    long_ago(payment.refunds.get(), settings)
    assert run("reconcile", payment.merchant_uid)[0] == 0
    assert payment.refunds.get().error_code == "refund_not_carried_out"
    assert run("refund", payment.merchant_uid)[0] == 0


def test_a_refund_whose_process_died_is_found_by_its_number(sandbox: SandboxServer, settings: Settings) -> None:
    payment = paid_at_sandbox(sandbox)
    record = RefundRecord.objects.create(
        payment=payment, source="api", amount=1_000, checksum=10_000, requested_at=timezone.now()
    )
    sandbox.console_cancel(payment.imp_uid, 1_000, f"broken ({record.number})")
    long_ago(record, settings)
    assert run("reconcile")[0] == 0
    record.refresh_from_db()
    assert record.status == RefundStatus.SUCCEEDED
    assert RefundRecord.objects.count() == 1


def test_a_pending_refund_waits_until_the_pg_has_settled_it(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "accept_later", times=1)
    run("refund", payment.merchant_uid)
    assert run("reconcile")[0] == 1
    sandbox.settle(payment.imp_uid)
    assert run("reconcile")[0] == 0
    assert payment.refunds.get().status == RefundStatus.SUCCEEDED


def test_cancels_made_in_the_console_become_records(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    for amount in (1_000, 1_000, 500):
        sandbox.console_cancel(payment.imp_uid, amount, "console")
    assert run("reconcile")[0] == 0
    payment.refresh_from_db()
    assert payment.cancel_amount == 2_500
    assert list(payment.refunds.values_list("source", flat=True)) == [RefundSource.CONSOLE] * 3
    assert run("reconcile")[0] == 0
    assert payment.refunds.count() == 3


def test_reconcile_settles_nothing_if_imort_cannot_be_read(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    run("refund", payment.merchant_uid)
    sandbox.fault("payment", "http_500")
    code, document = run_json("reconcile", payment.merchant_uid)
    assert (code, document["results"][0]["code"]) == (1, "unreachable")
    assert payment.refunds.get().status == RefundStatus.UNKNOWN


def test_the_account_can_be_read_from_standard_input(
    sandbox: SandboxServer, child_environment: Callable[..., dict[str, str]]
) -> None:
    payment = paid_at_sandbox(sandbox, pay_method="vbank")
    options = ["--refund-account", "-", "--refund-holder", "-", "--refund-bank", "088", "--json"]
    done = subprocess.run(
        [sys.executable, "manage.py", "refund", payment.imp_uid, *options],
        input="홍길동\n110-123-456789\n",
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert payment.refunds.get().refund_account_last4 == ACCOUNT_DIGITS[-4:]
    cancel = sandbox.log("cancel")[0]
    assert ACCOUNT_DIGITS in str(cancel)
    assert ACCOUNT_DIGITS not in done.stdout + done.stderr


# --- A cancel that was taken back -----------------------------------------------------------------------------


def taken_back(sandbox: SandboxServer) -> Payment:
    payment = paid_at_sandbox(sandbox)
    assert run("refund", payment.merchant_uid)[0] == 0
    sandbox.take_back(payment.imp_uid)
    return payment


@pytest.mark.parametrize("named", [True, False], ids=["an order", "everything"])
def test_cancel_taken_back_is_said_with_its_amounts(sandbox: SandboxServer, named: bool) -> None:
    payment = taken_back(sandbox)
    orders = [payment.merchant_uid] if named else []
    assert run("reconcile", payment.merchant_uid)[0] == 1
    code, text = run("reconcile", *orders)
    assert code == 1
    assert "i'mport shows ₩0 refunded, but ₩10,000 is recorded here" in text
    code, document = run_json("reconcile", *orders)
    assert (code, document["ok"], [result["code"] for result in document["results"]]) == (1, False, ["taken_back"])


def test_reversal_is_accepted_for_named_orders(sandbox: SandboxServer) -> None:
    payment = taken_back(sandbox)
    asked = ("reconcile", payment.merchant_uid, "--accept-reversal", "--reason", "bank")
    code, document = run_json(*asked)
    [result] = document["results"]
    assert (code, result["code"], result["payment"]["cancel_amount"]) == (0, "reversed", 0)
    [reversal] = result["reversals"]
    refund = RefundRecord.objects.get()
    assert (reversal["refund"], reversal["amount"]) == (refund.number, 10_000)
    assert refund.reversals.get().reason == "bank"
    assert refund.reversals.get().accepted_by_name.startswith("manage.py (")
    assert run("reconcile", payment.merchant_uid)[0] == 0

    code, document = run_json(*asked)
    assert (code, document["results"][0]["code"]) == (1, "nothing_taken_back")


@pytest.mark.parametrize(
    "options",
    [
        ("--accept-reversal",),
        ("--accept-reversal", "--all", "--since", "2026-01-01"),
        ("order-1", "--reason", "bank"),
        ("--all", "--since", "2026-01-01", "--reason", "bank"),
    ],
)
def test_accepting_needs_orders_and_a_reason_needs_accepting(sandbox: SandboxServer, options: tuple[str, ...]) -> None:
    code, document = run_json("reconcile", *options)
    assert (code, document["code"]) == (2, "invalid_options")


def test_comparison_of_a_period_says_what_was_taken_back(sandbox: SandboxServer) -> None:
    taken_back(sandbox)
    code, text = run("reconcile", "--all", "--since", f"{timezone.localdate() - timedelta(days=1)}")
    assert code == 1
    assert "₩10,000 was taken back" in text
