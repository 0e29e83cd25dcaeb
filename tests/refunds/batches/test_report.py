"""The closing report has every order with a reason and totals that add up; the sheet of problems can be mended."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from core.encryption.cipher import encrypt
from core.exports.csv import csv_pieces
from core.exports.xlsx import xlsx_pieces
from refunds.batches.report import may_have_problem_sheet, problem_sheet, report_rows
from refunds.models import RefundBatch
from tests.factories import make_staff, make_user
from tests.refunds.batches.stored import store_batch, store_order

pytestmark = pytest.mark.django_db

HEADINGS = ("Order", "Requested amount", "Refunded amount", "Result", "Explanation", "Note", "Reason")
DOLLARS = {"currency": "USD", "amount": Decimal("12.50")}


@pytest.fixture
def batch() -> RefundBatch:
    batch = store_batch(status="done", finished_at=timezone.now(), reason="Recalled")
    paid = {"merchant_uid": "=1+1", "buyer_name": "@buyer"}
    store_order(batch, "succeeded", paid=paid, line=2, note="-5", refund={"cancelled_amount": Decimal(9_000)})
    store_order(batch, "succeeded", line=3)
    store_order(batch, "failed", refund={"message": "Not enough money."}, line=4, reason="Late")
    for status in ("pending", "unknown", "requested"):
        store_order(batch, status)
    store_order(batch)
    store_order(batch, error_code="balance_changed", message="It has changed.")
    store_order(batch, "succeeded", paid=DOLLARS)
    store_order(batch, "succeeded", paid={"sandbox": True})
    cells = {"주문번호": "007", "금액": "=2000", "계좌": "110-123-456789"}
    for number, code in enumerate(("unknown_order", "left_out")):
        batch.items.create(
            line=20 + number,
            number="007",
            excluded=True,
            error_code=code,
            message="Not known.",
            encrypted_row=encrypt(json.dumps(cells)),
        )
    return batch


def read(batch: RefundBatch) -> list[dict[str, str]]:
    """Return the rows of the report, as a program reads its CSV file."""
    text = b"".join(csv_pieces(report_rows(batch))).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_order_has_its_reason_and_nothing_is_taken_for_a_formula(batch: RefundBatch) -> None:
    rows = read(batch)[:12]

    assert all(row["Explanation"] for row in rows)
    found = [tuple(row[heading] for heading in HEADINGS) for row in rows]
    assert found[0] == (
        "'=1+1",
        "10000",
        "9000",
        "Refunded",
        "₩10,000 was requested, ₩9,000 was refunded.",
        "'-5",
        "Recalled",
    )
    assert found[1][3:5] == ("Refunded", "Refunded as requested.")
    assert found[2][1:] == ("10000", "", "Refund failed", "Not enough money.", "", "Late")
    assert found[7][3:5] == ("Skipped", "It has changed.")
    assert found[8][1:3] == ("12.50", "12.50")
    assert found[10][:5] == ("'007", "", "", "Problem", "Not known.")
    assert rows[0]["Buyer"] == "'@buyer"
    assert [row["Line"] for row in rows[:3]] == ["2", "3", "4"]


def test_totals_add_up_to_the_rows_per_currency(batch: RefundBatch) -> None:
    names = [*read(batch)[0]]
    totals = [[row[name] for name in names[:6]] for row in read(batch)[12:]]

    assert totals[0] == ["Total", "Currency", "Orders", "Requested amount", "Refunded amount", "Test payment"]
    assert ["All rows", "", "2", "", "", ""] in totals  # of unknown orders
    assert ["All rows", "KRW", "8", "80000", "19000", ""] in totals
    assert ["All rows", "USD", "1", "12.50", "12.50", ""] in totals
    assert ["All rows", "KRW", "1", "10000", "10000", "Test"] in totals
    won = [row for row in totals if row[1] == "KRW" and not row[5] and row[0] != "All rows"]
    assert [sum(int(row[column]) for row in won) for column in (2, 3, 4)] == [8, 80_000, 19_000]


def test_report_is_in_the_readers_language_and_an_excel_file(batch: RefundBatch) -> None:
    with translation.override("ko"):
        rows = list(report_rows(batch))
        assert b"".join(xlsx_pieces(report_rows(batch))).startswith(b"PK")

    assert {"주문", "결과", "설명", "환불 사유"} & {str(heading) for heading in rows[0]} >= {"결과", "설명"}
    assert "요청한 금액대로 환불되었습니다." in rows[2]


def test_sheet_of_problems_is_what_was_typed_and_what_is_wrong(batch: RefundBatch) -> None:
    assert list(problem_sheet(batch)) == [
        ["주문번호", "금액", "계좌", "Problem"],
        ["007", "=2000", "110-123-456789", "Not known."],
    ]
    text = b"".join(csv_pieces(problem_sheet(batch))).decode()
    assert "'=2000" in text
    assert ",=" not in text


def test_typed_accounts_are_for_who_made_the_batch_or_may_see_accounts(batch: RefundBatch) -> None:
    maker, colleague = make_staff("refund_payment", name="maker"), make_staff("refund_payment", name="colleague")
    auditor = make_staff("view_refundrecord", "view_account", name="auditor")
    batch.requested_by = maker

    allowed = [user for user in (maker, colleague, auditor, make_user()) if may_have_problem_sheet(user, batch)]

    assert allowed == [maker, auditor]
    batch.items.exclude(encrypted_row="").update(encrypted_row="")  # erased some days after the end
    assert not may_have_problem_sheet(maker, batch)
