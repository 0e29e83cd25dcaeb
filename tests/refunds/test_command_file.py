"""`manage.py refund --file`: previewed, confirmed, refunded in this process, interrupted and continued."""

from __future__ import annotations

import os
import signal
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from payments.models import Payment
from refunds.models import BatchStatus, RefundBatch, RefundRecord, RefundSource
from refunds.services.refund import request_refund
from tests.entry_points import Terminal
from tests.factories import paid_at_sandbox
from tests.refunds.test_commands import run, run_json
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

CONFIRMED = ("--total", "9,000", "--yes")


def sheet(folder: Path, *lines: str, encoding: str = "utf-8") -> str:
    path = folder / "refunds.csv"
    path.write_text("\n".join(lines), encoding=encoding)
    return str(path)


def orders(sandbox: SandboxServer, count: int = 2) -> list[Payment]:
    return [paid_at_sandbox(sandbox) for _ in range(count)]


def test_orders_of_a_sheet_are_refunded_and_each_row_is_reported(sandbox: SandboxServer, tmp_path: Path) -> None:
    first, second = orders(sandbox)
    file = sheet(
        tmp_path,
        "주문번호,환불금액,환불사유",
        f"{first.merchant_uid},4000,단순 변심",
        f"{second.merchant_uid},5000,",
        "no-such-order,100,",
        encoding="cp949",
    )

    code, document = run_json("refund", "--file", file, "--reason", "공연 취소", *CONFIRMED)

    results = [(result["line"], result["code"], result["field"], result["value"]) for result in document["results"]]
    assert code == 1
    assert results == [(2, "", "", ""), (3, "", "", ""), (4, "unknown_order", "merchant_uid", "no-such-order")]
    assert document["batch"]["status"] == "done"
    assert document["batch"]["refunded"] == {"KRW": "9000"}
    assert [result["refund"]["amount"] for result in document["results"][:2]] == [4000, 5000]
    assert set(RefundRecord.objects.values_list("source", "reason")) == {
        (RefundSource.COMMAND, "단순 변심"),
        (RefundSource.COMMAND, "공연 취소"),
    }
    assert [sandbox.payment(order.imp_uid)["cancel_amount"] for order in (first, second)] == [4000, 5000]

    again, text = run("refund", "--file", file)
    assert again == 1
    assert "This file was read before" in text
    assert "₩9,000" in text
    assert len(sandbox.log("cancel")) == 2


def test_a_sheet_without_problems_ends_with_exit_code_0(sandbox: SandboxServer, tmp_path: Path) -> None:
    file = sheet(tmp_path, "order,amount", *(f"{order.imp_uid},4500" for order in orders(sandbox)))
    code, text = run("refund", "--file", file, *CONFIRMED)
    assert code == 0
    assert "To be refunded: 2 orders, ₩9,000" in text
    assert "Refunded: 2 orders, ₩9,000" in text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "not_confirmed"),
        (("--total", "9000"), "not_confirmed"),
        (("--yes",), "not_confirmed"),
        (("--total", "9001", "--yes"), "total_differs"),
        (("--total", "9000 USD", "--yes"), "total_differs"),
        (("--total", "many", "--yes"), "invalid_amount"),
    ],
)
def test_nothing_is_sent_without_confirmation(
    sandbox: SandboxServer, tmp_path: Path, options: tuple[str, ...], code: str
) -> None:
    file = sheet(tmp_path, "order,amount", *(f"{order.imp_uid},4500" for order in orders(sandbox)))
    exit_code, document = run_json("refund", "--file", file, *options)
    batch = RefundBatch.objects.get()
    assert (exit_code, document["code"], batch.status) == (2, code, BatchStatus.CHECKED)
    assert str(batch.token) in document["message"]
    assert document["preview"]["totals"] == {"KRW": "9000"}
    assert sandbox.log("cancel") == []

    assert run("refund", "--file", file, *CONFIRMED)[0] == 0
    assert RefundBatch.objects.get().status == BatchStatus.DONE


def test_dry_run_sends_nothing_and_leaves_nothing_open(sandbox: SandboxServer, tmp_path: Path) -> None:
    (order,) = orders(sandbox, 1)
    file = sheet(tmp_path, "order,amount", f"{order.imp_uid},4500", f"{order.imp_uid},4500")
    code, document = run_json("refund", "--file", file, "--dry-run")
    assert [(result["ok"], result["code"]) for result in document["results"]] == [(True, ""), (False, "duplicate_row")]
    assert code == 1
    assert RefundBatch.objects.get().status == BatchStatus.CANCELLED
    assert sandbox.log("cancel") == []
    assert run("refund", "--file", file, "--total", "4500", "--yes")[0] == 1
    assert len(sandbox.log("cancel")) == 1


@pytest.mark.parametrize(("typed", "code"), [("9,000원\n", 0), ("9001\n", 2), ("\n", 2)])
def test_the_total_is_typed_at_a_terminal(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    file = sheet(tmp_path, "order,amount", *(f"{order.imp_uid},4500" for order in orders(sandbox)))
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert run("refund", "--file", file)[0] == code
    assert len(sandbox.log("cancel")) == (2 if code == 0 else 0)


def test_a_sheet_is_read_from_standard_input(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (order,) = orders(sandbox, 1)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(f"order\n{order.imp_uid}\n".encode())))
    assert run("refund", "--file", "-", "--total", "10000", "--yes")[0] == 0
    assert len(sandbox.log("cancel")) == 1


def test_an_interruption_pauses_and_the_same_command_continues(
    sandbox: SandboxServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BULK_CONCURRENCY = 1
    file = sheet(tmp_path, "order", *(order.imp_uid for order in orders(sandbox, 4)))
    options = ("--total", "40000", "--yes")
    calls: list[Any] = []

    def interrupted(**arguments: Any) -> RefundRecord:
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return request_refund(**arguments)

    monkeypatch.setattr("refunds.batches.execute.request_refund", interrupted)
    code, document = run_json("refund", "--file", file, *options)
    assert (code, document["results"][-1]["code"]) == (1, "interrupted")
    assert document["batch"]["status"] == "paused"
    assert 2 <= len(sandbox.log("cancel")) < 4

    assert run("refund", "--file", file)[0] == 0
    assert RefundBatch.objects.get().status == BatchStatus.DONE
    assert len(sandbox.log("cancel")) == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "invalid_options"),
        (("order-1", "--file", "refunds.csv"), "invalid_options"),
        (("--file", "refunds.csv", "--amount", "1"), "invalid_options"),
        (("--file", "refunds.csv", "--key", "k"), "invalid_options"),
        (("--file", "refunds.csv", "--confirm", "late"), "invalid_options"),
        (("order-1", "--total", "1"), "invalid_options"),
        (("--file", "no-such-file.csv"), "unreadable_file"),
        (("--file", str(Path(__file__).parent)), "unreadable_file"),
        (("--file", "EMPTY"), "empty_sheet"),
    ],
)
def test_unusable_arguments_are_a_usage_error(
    sandbox: SandboxServer, tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    empty = sheet(tmp_path, "order")
    exit_code, document = run_json("refund", *(empty if text == "EMPTY" else text for text in arguments))
    assert (exit_code, document["code"]) == (2, code)
    assert not RefundBatch.objects.exists()
