"""`manage.py refund` and `reconcile` whose output cannot be written, or whose work breaks off on the way."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, InternalError, OperationalError, transaction
from django.utils import timezone

from refunds.models import RefundRecord
from refunds.services import refund as refund_service
from tests.factories import make_payment, paid_at_sandbox
from tests.refunds.test_commands import ROOT, run, run_json
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


class Unwritable(StringIO):
    """Standard output whose reader is gone, or whose disk is full."""

    def __init__(self, error: Exception, *, buffered: bool) -> None:
        super().__init__()
        self.error, self.buffered = error, buffered

    def write(self, text: str) -> int:
        if not self.buffered:
            raise self.error
        return len(text)

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("error", "buffered"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (ValueError("I/O operation on closed file."), False),
    ],
)
def test_every_order_is_asked_and_no_result_is_lost(
    sandbox: SandboxServer, error: Exception, buffered: bool, as_json: bool
) -> None:
    orders = [paid_at_sandbox(sandbox).merchant_uid for _ in range(2)]
    options = ["--json"] if as_json else []
    err = StringIO()
    with pytest.raises(SystemExit) as exit_code:
        call_command(
            "refund", *orders, "--amount", "4000", *options, stdout=Unwritable(error, buffered=buffered), stderr=err
        )
    assert exit_code.value.code == 1
    assert [record.status for record in RefundRecord.objects.all()] == ["succeeded"] * 2
    written = err.getvalue()
    assert all(order in written for order in orders)
    assert (getattr(error, "strerror", None) or str(error)) in written


def test_a_refused_refund_stays_exit_code_1_and_a_usage_error_2(sandbox: SandboxServer) -> None:
    full = Unwritable(OSError(errno.ENOSPC, "No space left on device"), buffered=True)
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1)
    with pytest.raises(SystemExit) as exit_code:
        call_command("refund", payment.merchant_uid, stdout=full, stderr=full)
    assert exit_code.value.code == 1
    with pytest.raises(Exception, match="plain number") as usage:
        call_command("refund", payment.merchant_uid, "--amount", "x", "--json", stdout=full, stderr=full)
    assert usage.value.returncode == 2  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("environment", "redirect", "code"),
    [
        ({"PYTHONIOENCODING": "cp949", "LANGUAGE_CODE": "ko"}, "", 0),
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, ">/dev/full", 1),
        ({"PYTHONIOENCODING": "ascii"}, "| true", 1),
        ({}, ">&-", 0),
    ],
)
def test_a_shell_can_redirect_the_output_anywhere(
    sandbox: SandboxServer,
    child_environment: Callable[..., dict[str, str]],
    environment: dict[str, str],
    redirect: str,
    code: int,
) -> None:
    payment = paid_at_sandbox(sandbox, name="갸꺍 ₩ é")
    command = f"set -o pipefail; {sys.executable} manage.py refund {payment.merchant_uid} nobody --json {redirect}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=child_environment(**environment), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert RefundRecord.objects.get().status == "succeeded"
    assert not re.search(b"Traceback|Exception ignored", done.stderr), done.stderr.decode()
    if redirect == ">&-":
        return
    text = (done.stdout if code == 0 else done.stderr).decode()
    document = json.JSONDecoder().raw_decode(text[text.index("{\n") :])[0]
    assert [result["ok"] for result in document["results"]] == [True, False]
    assert " refunded, " in document["results"][0]["message"]  # in English, whatever language the pages have


# --- Work that breaks off -------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, step: str, number: int, error: Callable[[], None]) -> None:
    """Have this step of the first, second, … refund call `error` first."""
    real, calls = getattr(refund_service, step), count(1)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            error()
        return real(*args, **kwargs)

    monkeypatch.setattr(refund_service, step, fail)


def raising(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [InternalError("read-only"), OperationalError("gone"), RuntimeError("surprise")])
def test_an_unexpected_error_costs_one_order_only(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    payments = [paid_at_sandbox(sandbox) for _ in range(3)]
    failing(monkeypatch, "reserve", 2, raising(error))
    code, document = run_json("refund", *(payment.merchant_uid for payment in payments))
    assert code == 1
    assert [result["code"] for result in document["results"]] == ["", "unexpected_error", ""]
    assert RefundRecord.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_recorded_of_a_refund_that_broke_off_is_told(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_at_sandbox(sandbox)
    failing(monkeypatch, "settle_answer", 1, raising(KeyboardInterrupt()))
    code, document = run_json("refund", payment.merchant_uid)
    (result,) = document["results"]
    assert (code, result["code"], result["refund"]["status"]) == (1, "interrupted", "requested")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_order_under_way_finish(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    payments = [paid_at_sandbox(sandbox) for _ in range(3)]
    failing(monkeypatch, "settle_answer", 2, lambda: os.kill(os.getpid(), number))
    code, document = run_json("refund", *(payment.merchant_uid for payment in payments))
    assert code == 1
    assert [result["code"] for result in document["results"]] == ["", "", "interrupted"]
    assert RefundRecord.objects.filter(status="succeeded").count() == 2
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("error", [OperationalError("gone"), RuntimeError("surprise"), KeyboardInterrupt()])
def test_reconcile_keeps_its_results_when_it_breaks_off(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "drop_after", times=1)
    run("refund", payment.merchant_uid)

    def stop() -> None:
        raise error

    monkeypatch.setattr("refunds.management.commands.reconcile.process_waiting", stop)
    code, document = run_json("reconcile")
    last = "interrupted" if isinstance(error, KeyboardInterrupt) else "unexpected_error"
    assert (code, [result["code"] for result in document["results"]]) == (1, ["settled", last])


# --- --key ----------------------------------------------------------------------------------------------------


def test_the_same_key_and_order_refund_once_and_repeat_the_outcome(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    first, again, by_uid = (
        run_json("refund", number, "--amount", "4000", "--key", "returns-17")
        for number in (payment.merchant_uid, payment.merchant_uid, payment.imp_uid)
    )
    assert first[0] == again[0] == by_uid[0] == 0
    assert first[1]["results"] == again[1]["results"]
    assert by_uid[1]["results"][0]["refund"] == first[1]["results"][0]["refund"]
    assert len(sandbox.log("cancel")) == 1


def test_a_key_repeats_a_failure_too(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    sandbox.fault("cancel", "refuse", times=1)
    codes = [run_json("refund", payment.merchant_uid, "--key", "k")[1]["results"][0]["code"] for _ in range(2)]
    assert codes == ["refused_by_gateway"] * 2


def test_without_a_key_or_with_another_one_a_run_is_a_new_refund(sandbox: SandboxServer) -> None:
    payment = paid_at_sandbox(sandbox)
    for key in ([], [], ["--key", "a"], ["--key", "b"]):
        assert run("refund", payment.merchant_uid, "--amount", "1000", *key)[0] == 0
    assert len(sandbox.log("cancel")) == 4


def test_several_orders_share_one_key(sandbox: SandboxServer) -> None:
    orders = [paid_at_sandbox(sandbox).merchant_uid for _ in range(3)]
    assert run("refund", *orders[:2], "--amount", "1000", "--key", "k")[0] == 0
    assert run("refund", *orders, "--amount", "1000", "--key", "k")[0] == 0
    assert len(sandbox.log("cancel")) == 3


def test_a_key_names_the_same_payment_although_the_order_has_another_one_now(sandbox: SandboxServer) -> None:
    first = paid_at_sandbox(sandbox)
    run("refund", first.merchant_uid, "--key", "k")
    second = paid_at_sandbox(sandbox, merchant_uid=first.merchant_uid)
    assert run("refund", first.merchant_uid, "--key", "k")[0] == 0
    assert not second.refunds.exists()


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("k", ["--amount", "2000"], (1, "idempotency_key_reused")),
        ("", [], (2, "invalid_idempotency_key")),
        ("x" * 201, [], (2, "invalid_text")),
    ],
)
def test_a_key_that_cannot_be_used_moves_no_money(
    sandbox: SandboxServer, key: str, options: list[str], expected: tuple[int, str]
) -> None:
    payment = paid_at_sandbox(sandbox)
    run("refund", payment.merchant_uid, "--amount", "1000", "--key", "k")
    code, document = run_json("refund", payment.merchant_uid, *options, "--key", key)
    assert (code, (document.get("results") or [document])[0]["code"]) == expected
    assert len(sandbox.log("cancel")) == 1


def test_two_commands_at_once_cannot_use_a_key_twice() -> None:
    payment = make_payment()
    fields = {"payment": payment, "amount": 1, "checksum": 2, "source": "command", "requested_at": timezone.now()}
    RefundRecord.objects.create(**fields, status="failed", settled_at=timezone.now(), idempotency_key="command:k:imp")
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundRecord.objects.create(**fields, idempotency_key="command:k:imp")


def test_an_earlier_csv_report_stays_until_there_is_a_new_one(sandbox: SandboxServer, tmp_path: Path) -> None:
    file = tmp_path / "drift.csv"
    file.write_text("earlier " * 100)
    since = ("reconcile", "--all", "--since", "2026-01-01", "--csv", str(file))
    assert run(*since, "--until", "2025-01-01")[0] == 2
    assert file.read_text().startswith("earlier")
    assert run(*since)[0] == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbforder,")
    assert b"earlier" not in file.read_bytes()
    assert run(*since[:-1], "/dev/full")[0] == 1
