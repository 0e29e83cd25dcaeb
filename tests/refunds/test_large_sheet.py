"""A sheet with 28 bad rows of 14 kinds: each is named with line, column and cause, and the others are refunded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from payments.intake.sync import sync_by_id
from refunds.models import RefundRecord
from tests.refunds.test_commands import run_json
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = int(os.environ.get("SHEET_ROWS", "112"))  # the suite is short; 2,000 takes some minutes
BAD, AMOUNT = 28, 10_000
HEADINGS = ("주문번호", "환불금액", "은행", "계좌번호", "예금주", "메모")
Cells = tuple[str, ...]

# What is typed into a bad row, by the number of an order of its own, with the code and the column that name it.
KINDS: list[tuple[Callable[[int], Cells], str, str]] = [
    (lambda n: ("1.23E+12", "1000"), "mangled_number", "merchant_uid"),
    (lambda n: ("2026-11-26", "1000"), "mangled_number", "merchant_uid"),
    (lambda n: (f"sheet-{n}", "1.0E+4"), "mangled_number", "amount"),
    (lambda n: ("=A2", "1000"), "formula", "merchant_uid"),
    (lambda n: (f"sheet-{n}", "#REF!"), "formula", "amount"),
    (lambda n: ("", "1000"), "missing_order", "merchant_uid"),
    (lambda n: (f"unknown-{n}", "1000"), "unknown_order", "merchant_uid"),
    (lambda n: ("sheet-0", "7000"), "duplicate_row", "merchant_uid"),
    (lambda n: ("sheet-1", str(n)), "duplicate_differs", "merchant_uid"),
    (lambda n: (f"sheet-{n}", "10,001원"), "amount_exceeds_balance", "amount"),
    (lambda n: (f"sheet-{n}", "0"), "amount_not_positive", "amount"),
    (lambda n: (f"sheet-{n}", "만원"), "invalid_amount", "amount"),
    (lambda n: (f"vbank-{n}", "1000"), "account_required", "refund_holder"),
    (lambda n: (f"vbank-{n}", "1000", "없는은행", "110-123-456789", "홍길동"), "bank_unknown", "refund_bank"),
]


def make_rows(sandbox: SandboxServer) -> list[tuple[Cells, str, str]]:
    """Create the orders; return the rows, each with the code and the column of its problem."""
    wanted = [
        {"merchant_uid": f"{name}-{n}", "amount": AMOUNT, **method}
        for name, method in (
            ("sheet", {"pg_provider": "uplus"}),
            ("vbank", {"pay_method": "vbank", "pg_provider": "html5_inicis"}),
        )
        for n in range(ROWS + 1)
        if name == "sheet" or n < BAD + 2
    ]
    for start in range(0, len(wanted), 500):
        created = sandbox.create_payments(wanted[start : start + 500])
        list(sync_by_id([payment["imp_uid"] for payment in created]))
    bad = [(typed(n), code, column) for n in range(2, BAD + 2) for typed, code, column in [KINDS[n % len(KINDS)]]]
    good = [((f"sheet-{n}", "7,000"), "", "") for n in range(BAD + 2, ROWS + 1)]
    first: tuple[Cells, str, str] = (("sheet-0", "7,000"), "", "")
    rows = [first]
    for n, row in enumerate(good[: ROWS - BAD - 1]):
        rows.append(row)
        if n % 3 == 0 and bad:
            rows.append(bad.pop(0))
    return rows


def write_csv(rows: list[tuple[Cells, str, str]], path: Path) -> list[int]:
    """Write the sheet in CP949, with an empty line after every tenth row; return the line of each row."""
    lines, numbers = [",".join(HEADINGS)], []
    for n, (cells, _code, _column) in enumerate(rows):
        numbers.append(len(lines) + 1)
        padded = [*cells, *[""] * (len(HEADINGS) - len(cells))]
        lines.append(",".join(f'"{cell}"' for cell in padded))
        if n % 10 == 9:
            lines.append("")
    path.write_bytes("\r\n".join(lines).encode("cp949"))
    return numbers


def write_xlsx(rows: list[tuple[Cells, str, str]], path: Path) -> list[int]:
    """Write a workbook whose numbers are texts, and real formulas; return the line of each row."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADINGS)
    for line, (cells, _code, _column) in enumerate(rows, 1):
        for place, text in enumerate(cells):
            if text.startswith("="):
                sheet.write_formula(line, place, text, value="sheet-9")
            else:
                sheet.write_string(line, place, text)
    book.close()
    return [line + 1 for line in range(1, len(rows) + 1)]


@pytest.mark.parametrize("write", [write_csv, write_xlsx], ids=["cp949", "xlsx"])
def test_each_bad_row_is_named_and_the_others_are_refunded(
    sandbox: SandboxServer, tmp_path: Path, write: Callable[[list[tuple[Cells, str, str]], Path], list[int]]
) -> None:
    rows = make_rows(sandbox)
    file = tmp_path / "recall"
    lines = write(rows, file)
    total = (ROWS - BAD) * 7_000

    code, document = run_json("refund", "--file", str(file), "--reason", "회수", "--total", f"{total:,}", "--yes")

    problems = {result["line"]: (result["code"], result["field"]) for result in document["results"] if result["code"]}
    assert problems == {line: row[1:] for line, row in zip(lines, rows, strict=True) if row[1]}
    assert len(problems) == BAD
    assert all(result["message"] for result in document["results"])
    assert (code, document["batch"]["refunded"]) == (1, {"KRW": str(total)})
    assert RefundRecord.objects.filter(status="succeeded").count() == ROWS - BAD == len(sandbox.log("cancel"))
