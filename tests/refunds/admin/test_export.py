"""The export of the ledger: its contents and permissions, and no cell that a spreadsheet executes."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from openpyxl import load_workbook
from pytest_django import Settings

from core.admin.log import told
from core.exports.csv import csv_pieces
from core.exports.xlsx import xlsx_pieces
from refunds.admin import export
from refunds.admin.export_columns import refund_table
from refunds.models import RefundRecord
from tests.admin_pages import codes, sign_in
from tests.factories import ACCOUNT_DIGITS, make_payment, make_refund, make_staff, make_stored_account

pytestmark = pytest.mark.django_db

LEDGER = "/admin/refunds/refundrecord/"
EXPORT = f"{LEDGER}export/"
SMUGGLED = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", "=1\n=2"]


@pytest.fixture
def staff(client: Client) -> Client:
    return sign_in(client, make_staff("view_refundrecord"))


def take(client: Client, url: str = EXPORT, **data: str) -> bytes:
    answer: Any = client.post(url, {"format": "csv", **data})
    assert answer.status_code == 200
    assert answer.streaming
    return b"".join(answer.streaming_content)


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def sheet(data: bytes) -> list[tuple[Any, ...]]:
    book = load_workbook(io.BytesIO(data))
    return list(book.worksheets[0].iter_rows(values_only=True))


def test_csv_opens_in_excel_with_korean_headers(client: Client) -> None:
    sign_in(client, make_staff("view_refundrecord"))
    refund = make_refund(make_payment(buyer_name="김하늘"), requested_at=datetime(2026, 11, 22, 15, 30, tzinfo=UTC))
    data = take(client)
    assert data.startswith(b"\xef\xbb\xbf")
    row = table(data)[0]
    assert row["Refund number"] == refund.number
    assert (row["Buyer"], row["Requested amount"], row["Status"]) == ("김하늘", "1000", "Refunded")
    assert row["Requested at (KST)"] == "2026-11-23 00:30:00"


def test_excel_cells_have_number_time_and_text_types(staff: Client) -> None:
    dollars = make_payment(currency="USD", amount=Decimal("20.30"), merchant_uid="00012345678901234567")
    at = datetime(2026, 11, 22, 15, 30, 1, 900_000, tzinfo=UTC)
    make_refund(dollars, amount=Decimal("0.10"), checksum=Decimal("20.30"), requested_at=at)
    heading, row = sheet(take(staff, format="xlsx"))
    found = dict(zip(heading, row, strict=True))
    assert found["Requested amount"] == pytest.approx(0.1)
    assert found["Order"] == "00012345678901234567"
    assert found["Requested at (KST)"] == datetime(2026, 11, 23, 0, 30, 1)  # noqa: DTZ001 - Excel's times have no zone
    assert found["Message"] is None


@pytest.mark.parametrize("text", SMUGGLED)
def test_no_text_becomes_a_formula(text: str) -> None:
    data = b"".join(xlsx_pieces([["reason"], [text]]))
    cell = load_workbook(io.BytesIO(data)).worksheets[0]["A2"]
    assert cell.data_type in ("s", "inlineStr")
    assert cell.value.replace("\r", "").strip() == text.replace("\r", "").strip()
    written = next(csv.reader(io.StringIO(b"".join(csv_pieces([[text]])).decode("utf-8-sig"), newline="")))[0]
    assert written == f"'{text}"


def test_characters_that_excel_cannot_take_are_left_out() -> None:
    row = ["a\x00b\x0bc\ud800d\ufffe", "_x0041_", "<&>\"'", "가" * 40_000, " x "]
    data = b"".join(xlsx_pieces([["h"] * 5, row]))
    found = sheet(data)[1]
    assert found[0] == "abcd"
    assert found[1] in ("_x005F_x0041_", "_x0041_")
    assert found[2] == "<&>\"'"
    assert len(found[3]) == 32_767
    assert found[4] == " x "
    assert b"\x00" not in b"".join(csv_pieces([row[:1]]))


CONVERTED = """
0123 110123456789 12345 1.5 1,000 12E5 1e10 1E-3 .5e3 ₩4,000 $5 12% (5) １２３ ６Ｅ５ 1/2 2026-11 2026-1 3-4 10/12 1-2-3
2026.11.26 2026/11/26 20261126 11.26. 10:30 10:30:15 3월4일 2026년11월 오전9:00 MAR-5 5-Dec SEPT1 June2026 9am 12:30pm
2026-11-26T10:00:00Z TRUE false ＴＲＵＥ +82-10-1234-5678 +8210 -5 =1+1 @x #N/A 'quoted
"""
SPACED = ("1 1/2", "Jan 5, 2026", "2026. 11. 26.", "9:30 AM", " 12 ", "오후 3시", "\n7")
KEPT = """
ORDER-1 imp_123456789012 010-1234-5678 02-123-4567 1588-1234 R3F8Q2 order12E5 A3-4 3-4B v1.2.3 Marchand5 yes 카드 5개월
110-123-456789 hong@example.com E5 tea a/b A-1 P2
"""


@pytest.mark.parametrize("text", [*CONVERTED.split(), *SPACED])
def test_csv_keeps_as_text_what_a_spreadsheet_would_convert(text: str) -> None:
    written = next(csv.reader(io.StringIO(b"".join(csv_pieces([[text]])).decode("utf-8-sig"), newline="")))[0]
    assert written == f"'{text}"


@pytest.mark.parametrize("text", [*KEPT.split(), "", "5 boxes", "김하늘", "Mar-a-Lago"])
def test_csv_leaves_other_texts_alone(text: str) -> None:
    assert b"".join(csv_pieces([["x", text]])).decode("utf-8-sig") == f"x,{text}\r\n"


def test_streamed_rows_are_in_the_readers_language() -> None:
    make_refund()
    with override("ko"):
        rows = refund_table(RefundRecord.objects.all(), with_personal=False).rows
    with override("en"):
        heading, row = rows
    with override("ko"):
        korean = next(iter(refund_table(RefundRecord.objects.all(), with_personal=False).rows))
    assert list(heading) != list(korean)
    assert "Refunded" in row


def test_export_contains_the_filtered_rows(staff: Client) -> None:
    make_refund(make_payment(merchant_uid="A-1"))
    make_refund(make_payment(merchant_uid="B-1"), status="failed", error_code="refused_by_gateway")
    assert [row["Order"] for row in table(take(staff, f"{EXPORT}?status=failed"))] == ["B-1"]
    assert [row["Order"] for row in table(take(staff, f"{EXPORT}?q=A-1"))] == ["A-1"]
    assert f"{EXPORT}?status=failed" in staff.get(f"{LEDGER}?status=failed").text


def test_export_of_selected_rows_contains_only_these(staff: Client) -> None:
    wanted, _other = make_refund(), make_refund()
    answer = staff.post(LEDGER, {"action": "export_selected", "_selected_action": wanted.pk})
    assert [row["Refund number"] for row in table(take(staff, answer["Location"]))] == [wanted.number]


def test_selecting_all_pages_keeps_the_filter(staff: Client) -> None:
    refund = make_refund()
    data = {"action": "export_selected", "_selected_action": refund.pk, "select_across": "1"}
    assert staff.post(f"{LEDGER}?status=succeeded", data)["Location"] == f"{EXPORT}?status=succeeded"


def test_accounts_are_exported_on_request_only_and_logged(client: Client) -> None:
    sign_in(client, make_staff("view_refundrecord", "view_account"))
    kept, gone = make_refund(), make_refund()
    make_stored_account(kept)
    assert ACCOUNT_DIGITS not in take(client).decode()
    assert "accounts" not in told(LogEntry.objects.get())

    rows = {row["Refund number"]: row for row in table(take(client, personal="on"))}
    assert rows[kept.number]["Account number"] == f"'{ACCOUNT_DIGITS}"
    assert rows[kept.number]["Account holder"] == "홍길동"
    assert rows[gone.number]["Account number"] == "•••• 6789"
    entry = LogEntry.objects.latest("pk")
    assert entry.user.get_username() == "staff"
    assert told(entry) == "Exported as csv. Rows: 2. Full refund accounts: 1"
    assert ACCOUNT_DIGITS in {str(cell) for cell in sheet(take(client, personal="on", format="xlsx"))[2]} | {
        str(cell) for cell in sheet(take(client, personal="on", format="xlsx"))[1]
    }


def test_accounts_without_the_permission_are_refused(staff: Client) -> None:
    make_stored_account(make_refund())
    assert "refund accounts" not in staff.get(EXPORT).text
    assert staff.post(EXPORT, {"format": "csv", "personal": "on"}).status_code == 403
    assert not LogEntry.objects.exists()


def test_undecryptable_account_is_exported_masked(client: Client, settings: Settings) -> None:
    sign_in(client, make_staff("view_refundrecord", "view_account"))
    make_stored_account(make_refund())
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    assert table(take(client, personal="on"))[0]["Account number"] == "•••• 6789"


def test_export_is_not_cached(staff: Client) -> None:
    make_refund()
    assert "no-store" in staff.post(EXPORT, {"format": "csv"})["Cache-Control"]


def test_more_rows_than_excel_files_hold_are_exported_as_csv_only(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_ROWS", 1)
    make_refund(), make_refund(), make_refund()
    assert "More than 1 rows: CSV only" in staff.get(EXPORT).text
    assert codes(staff.post(EXPORT, {"format": "xlsx"}).text) == ["too_many_rows"]
    assert not LogEntry.objects.exists()
    assert len(table(take(staff))) == 3
    assert told(LogEntry.objects.get()) == "Exported as csv. Rows: 3"


def test_excel_files_are_built_without_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "_get_candidate_names", None)  # every function of tempfile needs a name
    assert sheet(b"".join(xlsx_pieces([["account"], ["110-123"]])))[1] == ("110-123",)


def test_an_empty_list_and_a_broken_filter_are_answered(staff: Client) -> None:
    assert codes(staff.get(EXPORT).text) == ["nothing_to_export"]
    assert codes(staff.post(EXPORT, {"format": "csv"}).text) == ["nothing_to_export"]
    assert staff.get(f"{EXPORT}?id__in=abc").status_code == 302
    make_refund()
    assert codes(staff.post(EXPORT, {"format": "pdf"}).text) == ["invalid_choice"]


@pytest.mark.parametrize("url", [EXPORT, "/admin/payments/payment/export/"])
def test_export_needs_the_view_permission(client: Client, url: str) -> None:
    sign_in(client, make_staff())
    assert client.get(url).status_code == 403
    assert client.post(url, {"format": "csv"}).status_code == 403


def test_payments_are_exported_the_same_way(client: Client) -> None:
    sign_in(client, make_staff("view_payment"))
    partly = {"cancel_amount": Decimal(4_000), "status": "cancelled", "tax_free": Decimal(3_000)}
    make_payment(merchant_uid="=1", buyer_email="haneul@example.com", buyer_tel="010-2345-1001", **partly)
    url = "/admin/payments/payment/export/"
    row = table(take(client, url))[0]
    assert (row["Order"], row["Paid"], row["Refundable"], row["Tax-free part"]) == ("'=1", "10000", "6000", "3000")
    assert (row["Status"], row["Status at i'mport"]) == ("Partly refunded", "Cancelled")
    assert "E-mail" not in row

    row = table(take(client, url, personal="on"))[0]
    assert (row["E-mail"], row["Telephone"]) == ("haneul@example.com", "010-2345-1001")
    logged = map(told, LogEntry.objects.order_by("pk"))
    assert list(logged) == [
        "Exported as csv. Rows: 1",
        "Exported as csv. Rows: 1. With e-mail addresses and telephone numbers",
    ]


def test_finance_gets_tax_parts_fees_and_totals(staff: Client) -> None:
    paid = {"name": "Desk", "card_name": "KB Card"}
    plain = make_refund(make_payment(**paid), amount=Decimal(1_100))
    stated = make_refund(make_payment(), amount=Decimal(3_000), tax_free=Decimal(800), vat_amount=Decimal(200))
    mixed = make_refund(make_payment(tax_free=Decimal(5_000)), amount=Decimal(2_000))
    account = make_refund(amount=Decimal(5_500))
    make_refund(make_payment(), amount=Decimal(4_000), reversed_amount=Decimal(4_000))
    make_refund(make_payment(sandbox=True), amount=Decimal(7_000))
    make_refund(make_payment(), status="failed", error_code="refused_by_gateway", vat_amount=Decimal(9))

    rows = {row["Refund number"]: row for row in table(take(staff))}

    names = ("Supply amount", "VAT part", "Tax-free part", "VAT basis", "Transfer fee (KRW)")
    computed = "Computed: 1/11 of the taxable amount"
    assert [rows[plain.number][name] for name in names] == ["1000", "100", "0", computed, ""]
    assert [rows[stated.number][name] for name in names] == ["2000", "200", "800", "Stated with the refund", ""]
    assert [rows[mixed.number][name] for name in names] == ["", "", "", "", ""]
    assert [rows[account.number][name] for name in names] == ["5000", "500", "0", computed, "300"]
    bought = rows[plain.number]
    assert (bought["Goods"], bought["Card or bank"], bought["Paid"]) == ("Desk", "KB Card", "10000")
    assert "refused_by_gateway" in {row["Error code"] for row in rows.values()}

    book = load_workbook(io.BytesIO(take(staff, format="xlsx")))
    assert book.sheetnames == [f"refunds-{timezone.localdate()}", "Totals"]
    heading, sums = book["Totals"].iter_rows(values_only=True)
    found = dict(zip(heading, sums, strict=True))
    assert (found["Currency"], found["Rows"]) == ("KRW", 5)
    assert (found["Refunded amount"], found["Reversed amount"]) == (11_600, 4_000)
    assert [found[name] for name in names if name != "VAT basis"] == [8_000, 800, 800, 300]
