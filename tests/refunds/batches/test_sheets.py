"""Sheets of bulk refunds: what people upload and paste becomes rows, or is refused with its line and cause."""

import io
import zipfile
from collections.abc import Callable
from decimal import Decimal

import pytest
import xlsxwriter
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from core.exports.csv import csv_pieces
from refunds.batches.create import MAX_ROWS
from refunds.batches.sheets.cells import SheetRefused
from refunds.batches.sheets.read import MAX_BYTES, Sheet, read_paste, read_sheet
from refunds.batches.sheets.rows import SheetRow, currency_problem
from refunds.batches.sheets.template import csv_template, xlsx_template

KOREAN = "사유,주문번호 *,환불금액(원),예금주,은행,계좌번호,휴대폰,면세금액,메모"


def workbook(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        fill(book)
    return file.getvalue()


def of_rows(*rows: list[object]) -> bytes:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)

    return workbook(fill)


def repacked(data: bytes, **changes: bytes) -> bytes:
    """Return the workbook with other contents of the parts whose file name is given."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.rpartition("/")[2].removesuffix(".xml"), old.read(name)))
    return file.getvalue()


def problems(sheet: Sheet) -> list[tuple[int, str, str, str]]:
    return [(row.line, it.code, it.field, it.value) for row in sheet.rows for it in row.problems[:1]]


def only(sheet: Sheet) -> SheetRow:
    (row,) = sheet.rows
    return row


def refusal(read: Callable[[], Sheet]) -> str:
    with pytest.raises(SheetRefused) as refused:
        read()
    assert refused.value.message
    return refused.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_file_is_read_in_any_usual_encoding(encoding: str, separator: str) -> None:
    line = "공연 취소,ORD-1,12000,김민지,신한,012-345-678901,010-1234-5678,2000,VIP"
    text = f"{KOREAN}\r\n{line}\r\n".replace(",", separator)
    row = only(read_sheet("환불.csv", text.encode(encoding)))
    assert (row.line, row.merchant_uid, row.problems, row.note) == (2, "ORD-1", (), "VIP")
    request = row.request
    assert (request.amount, request.tax_free, request.reason) == (12_000, 2_000, "공연 취소")
    assert (request.refund_holder, request.refund_bank) == ("김민지", "신한")
    assert (request.refund_account, request.refund_tel) == ("012-345-678901", "010-1234-5678")
    assert row.cells["환불금액(원)"] == "12000"
    assert "678901" not in repr(row)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1,000", 1000), ("₩1,000", 1000), ("￦ 1,000", 1000), ("\\1,000", 1000), ("1000원", 1000), ("1 000", 1000),
        ("１，０００", 1000), ("KRW 1000", 1000), ("12.30", Decimal("12.30")), ("", None),
    ],
)  # fmt: skip
def test_amount_is_read_as_people_write_it(typed: str, amount: Decimal | int | None) -> None:
    row = only(read_paste(f"Order no.\tAmount\nORD-1\t{typed}"))
    assert (row.request.amount, row.problems) == (amount, ())


@pytest.mark.parametrize(
    "typed", ["4.000", "4.000원", "4.00원", "1.234.567", "$5", "1만원", "전액", "1,00", "(5)", "--5", "٣"]
)
def test_amount_that_can_mean_something_else_is_refused(typed: str) -> None:
    row = only(read_paste(f"order\tamount\nORD-1\t{typed}"))
    assert (row.request.amount, problems(Sheet("", "", [row]))) == (None, [(2, "invalid_amount", "amount", typed)])


@pytest.mark.parametrize(("typed", "currency"), [("4.0", "KRW"), ("4.00", "KRW"), ("₩4", "USD")])
def test_amount_that_its_payment_cannot_mean_is_refused(typed: str, currency: str) -> None:
    row = only(read_paste(f"order\tamount\nORD-1\t{typed}"))
    assert row.problems == ()
    problem = currency_problem(row, currency)
    assert problem is not None
    assert (problem.code, problem.field, problem.value) == ("invalid_amount", "amount", typed)
    assert currency_problem(only(read_paste("order\tamount\nORD-1\t4.50")), "USD") is None


def test_pasted_order_numbers_need_no_heading() -> None:
    sheet = read_paste("ORD-1\r\n\r\nimp_2\t1,000원\r\nORD-3\r\n\r\n")
    read = [(row.line, row.merchant_uid, row.request.amount) for row in sheet.rows]
    assert read == [(1, "ORD-1", None), (3, "imp_2", 1000), (4, "ORD-3", None)]
    assert (sheet.headings, sheet.empty_lines) == ((), 1)
    assert sheet.file_hash == read_paste("ORD-1\n\nimp_2\t1,000원\nORD-3").file_hash != read_paste("ORD-1").file_hash


def test_titles_above_the_heading_are_skipped_and_the_problem_column_is_ignored() -> None:
    sheet = read_sheet("a.csv", "환불 요청 목록\n\n결제번호,금액,문제\nimp_1,1000,전에 틀린 것\n".encode())
    row = only(sheet)
    assert (row.line, row.imp_uid, row.request.amount, row.problems) == (4, "imp_1", 1000, ())
    assert (sheet.skipped_lines, sheet.headings) == (1, ("결제번호", "금액", "문제"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("order\tamuont\nORD-1\t1", "unknown_heading"),
        ("환불 금엑\nORD-1", "unknown_heading"),
        ("주문번호\t금액\t환불금액\nORD-1\t1\t2", "double_heading"),
        ("금액\t사유\n1000\t취소", "no_order_column"),
        ("ORD-1\t1000\t김민지\t012-345-678901", "no_heading"),
        ('order,amount\nORD-1,"1000\nORD-2,5', "bad_quotes"),
        ("order\tamount\n\n", "empty_sheet"),
        (" \n ", "empty_sheet"),
        ("order\n" + "ORD-1\n" * (MAX_ROWS + 1), "too_many_rows"),
        ("ORD-1\n" * (MAX_BYTES // 5), "too_large"),
    ],
)
def test_table_whose_columns_are_not_clear_is_refused(text: str, code: str) -> None:
    assert refusal(lambda: read_paste(text)) == code


def test_unknown_heading_is_named_with_the_one_that_was_meant() -> None:
    with translation.override("ko"), pytest.raises(SheetRefused) as refused:
        read_sheet("a.csv", "주문번호,환불 금엑,배송지\nORD-1,1000,서울".encode())
    assert "“환불 금엑”(혹시 “환불금액”입니까?), “배송지”" in refused.value.message


def test_each_bad_line_of_a_text_is_named_and_the_others_are_read() -> None:
    lines = {
        "ORD-1,1000,,": None,
        "1.23E+12,1000,,": ("mangled_number", "merchant_uid", "1.23E+12"),
        "2026-11-26,1000,,": ("mangled_number", "merchant_uid", "2026-11-26"),
        "11월 26일,1000,,": ("mangled_number", "merchant_uid", "11월 26일"),
        "Nov-26,1000,,": ("mangled_number", "merchant_uid", "Nov-26"),
        "20261126001.0,1000,,": ("mangled_number", "merchant_uid", "20261126001.0"),
        "=A2,1000,,": ("formula", "merchant_uid", "=A2"),
        "#N/A,1000,,": ("formula", "merchant_uid", "#N/A"),
        "ORD-2,+1000,,": ("formula", "amount", "+1000"),
        ",1000,,": ("missing_order", "merchant_uid", ""),
        "합계,9000,,": ("total_row", "merchant_uid", ""),
        "ORD-3,1000,,,7": ("extra_cell", "", ""),
        "ORD-4,1,000,": ("invalid_amount", "amount", "1"),
        "ORD-5,1000,1.10123E+11,": ("mangled_number", "refund_account", "••••"),
        "ORD-6,1000,'012345678901,01012345678": None,
        "ORD-7,1000,110123456789,1012345678": ("mangled_number", "refund_tel", "•••• 5678"),
        f"ORD-8,1000,{'1' * 60},": ("invalid_text", "refund_account", "•••• 1111"),
        f"{'O' * 300},1000,,": ("invalid_text", "merchant_uid", "O" * 59 + "…"),
        "ORD-9,110-123-456789,,": ("invalid_amount", "amount", "•••• 6789"),
    }
    sheet = read_sheet("a.csv", "\n".join(["order,amount,account,tel", *lines]).encode())
    expected = [(number, *problem) for number, problem in enumerate(lines.values(), start=2) if problem]
    assert problems(sheet) == expected
    assert all(problem.message for row in sheet.rows for problem in row.problems)
    assert [row.merchant_uid for row in sheet.rows if not row.problems] == ["ORD-1", "ORD-6"]


def test_each_bad_row_of_a_workbook_is_named_and_the_others_are_read() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        hidden = book.add_worksheet("숨김")
        hidden.write(0, 0, "not an order")
        hidden.hide()
        sheet = book.add_worksheet("환불")
        sheet.activate()
        book.get_worksheet_by_name("환불").set_first_sheet()
        sheet.merge_range("A1:D1", "환불 요청 목록")
        sheet.write_row("A2", ["주문번호", "금액", "계좌번호", "메모"])
        sheet.write_row("A3", ["ORD-1", 4000.0, 110123456789, "두 줄\n메모"])
        sheet.write_row("A4", [202611260001, 12.3])
        sheet.write_row("A5", [20261126000000001, 1000])
        sheet.write("A6", 45000, book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_formula("A7", '="ORD"&"-2"', value="ORD-2")
        sheet.write("A8", "ORD-3")
        sheet.write_formula("B8", "=SUM(B3:B4)", value=5000)
        sheet.merge_range("A10:A11", "ORD-4")
        sheet.write("B11", 1000)
        sheet.write("A12", "ORD-5")
        sheet.set_row(11, options={"hidden": True})
        sheet.write("A13", 1.5)
        sheet.write_row("A15", ["20261126000000010", "1,000원"])
        sheet.write_row("A16", ["ORD-6", 1000, "", "n" * 30_000])
        sheet.set_row(30, 20, book.add_format({"bold": True}))
        book.add_worksheet("다른 것")

    sheet = read_sheet("환불.xlsx", workbook(fill))
    assert (sheet.sheet_name, sheet.other_sheets) == ("환불", ("숨김", "다른 것"))
    assert (sheet.skipped_lines, sheet.empty_lines) == (1, 2)
    assert problems(sheet) == [
        (5, "mangled_number", "merchant_uid", "20261126000000000"),
        (6, "mangled_number", "merchant_uid", "2023-03-15"),
        (7, "formula", "merchant_uid", "="),
        (8, "formula", "amount", "="),
        (10, "merged_cells", "merchant_uid", ""),
        (11, "merged_cells", "merchant_uid", ""),
        (12, "hidden_row", "", ""),
        (13, "mangled_number", "merchant_uid", "1.5"),
        (16, "invalid_text", "note", "n" * 59 + "…"),
    ]
    good = [(row.line, row.merchant_uid, row.request.amount) for row in sheet.rows if not row.problems]
    assert good == [(3, "ORD-1", 4000), (4, "202611260001", Decimal("12.3")), (15, "20261126000000010", 1000)]
    assert (sheet.rows[0].request.refund_account, sheet.rows[0].note) == ("110123456789", "두 줄 메모")
    assert currency_problem(sheet.rows[0], "KRW") is None


def test_long_numbers_of_a_text_that_all_end_in_zeros_are_refused() -> None:
    rounded = read_paste("20261126000123400\n20261126000123500\nORD-3")
    assert [code for _line, code, *_rest in problems(rounded)] == ["mangled_number", "mangled_number"]
    assert problems(read_paste("20261126000123400\n20261126000123456")) == []


def test_our_own_csv_exports_are_read_back() -> None:
    data = b"".join(csv_pieces([["주문번호", "금액", "계좌번호"], ["0012", Decimal(1000), "012345678901"]]))
    row = only(read_sheet("a.csv", data))
    assert (row.merchant_uid, row.request.amount, row.request.refund_account) == ("0012", 1000, "012345678901")


def test_file_that_is_no_readable_sheet_is_refused_with_what_to_do() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
    good = of_rows(["order"], ["ORD-1"])
    files = {
        "old_excel": [ole, b"<html><table><tr><td>order</td></tr></table>"],
        "encrypted": [ole + "EncryptedPackage".encode("utf-16-le")],
        "not_a_sheet": [b"%PDF-1.7"],
        "unknown_encoding": [b"order\n\xff\xff\xff"],
        "unreadable": [
            good[: len(good) // 2],
            repacked(good, workbook=b"<workbook>"),
            # No reader opens this part: the check comes before them all.
            repacked(good, app=b'<!DOCTYPE a [<!ENTITY b "bb">]><Properties>&b;</Properties>'),
        ],
        "unpacks_to_too_much": [
            repacked(good, sheet1=bytes(80_000_000)),
            repacked(good, sheet1=b"<worksheet>" + b"<c/>" * 2_500_000),
            repacked(good, styles=b"<styleSheet>" + b" " * 5_000_000),
        ],
        "too_many_columns": [of_rows(["order", *[None] * 60, "far"], ["ORD-1"])],
        "empty_sheet": [of_rows(["order"]), b""],
    }
    for code, contents in files.items():
        for data in contents:
            assert refusal(lambda data=data: read_sheet("환불.xlsx", data)) == code


@pytest.mark.parametrize("language", ["ko", "en"])
def test_template_has_headings_that_are_understood_and_text_columns(language: str) -> None:
    with translation.override(language):
        csv, xlsx = csv_template(), xlsx_template()
    assert csv.startswith(b"\xef\xbb\xbf")
    for data in (csv, xlsx):
        assert refusal(lambda data=data: read_sheet("template", data)) == "empty_sheet"
    orders, explanations = load_workbook(io.BytesIO(xlsx)).worksheets
    headings = [cell.value for cell in orders[1]]
    assert csv.decode("utf-8-sig").strip().split(",") == headings
    assert [row[0].value for row in explanations.iter_rows(2, 1 + len(headings))] == headings
    amounts = {"환불금액", "면세금액"} if language == "ko" else {"Refund amount", "Tax-free amount"}
    for columns in orders.column_dimensions.values():
        named = headings[columns.min - 1 : columns.max]
        assert amounts.isdisjoint(named) if columns.number_format == "@" else amounts.issuperset(named)


_GOOD = of_rows(["주문번호", "금액", "사유"], ["ORD-1", 4000, "취소"], ["ORD-2", "1,000원", ""])
_PIECES = [
    "주문번호",
    "금액",
    "imp_uid",
    "\t",
    ",",
    ";",
    "\n",
    '"',
    "=",
    "1,000",
    "4.000",
    "1E+9",
    "합계",
    "\ufeff",
    "\x85",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_uploaded_gives_rows_or_a_refusal(data: st.DataObject) -> None:
    contents = data.draw(
        st.one_of(
            st.binary(max_size=300),
            st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=5)), max_size=40).map(
                lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass")
            ),
            st.tuples(st.integers(0, len(_GOOD) - 1), st.binary(max_size=6)).map(
                lambda change: _GOOD[: change[0]] + change[1] + _GOOD[change[0] + len(change[1]) :]
            ),
            st.tuples(st.sampled_from(["sheet1", "sharedStrings", "styles", "workbook"]), st.integers(0, 2000)).map(
                lambda cut: repacked(_GOOD, **{cut[0]: _part(cut[0])[: cut[1]] + _part(cut[0])[cut[1] + 3 :]})
            ),
        )
    )
    readers = [lambda: read_sheet("a", contents), lambda: read_paste(contents.decode("utf-8", "replace"))]
    for read in readers:
        try:
            sheet = read()
        except SheetRefused:
            continue
        assert sheet.rows
        assert all(row.problems or row.merchant_uid or row.imp_uid for row in sheet.rows)


def _part(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(_GOOD)) as archive:
        return archive.read(next(part for part in archive.namelist() if part.endswith(f"/{name}.xml")))


@pytest.mark.parametrize("number", ["maru-1001", "MAY-1001", "decor-7", "3-Juno"])
def test_order_number_that_only_begins_like_a_month_is_no_date(number: str) -> None:
    (row,) = read_paste(f"order\n{number}").rows
    assert (row.merchant_uid, row.problems) == (number, ())


def test_the_account_of_a_line_is_kept_out_of_its_reason_and_note() -> None:
    (row,) = read_sheet(
        "a.csv", "주문번호,계좌번호,사유,메모\nORD-1,110-123-456789,110 123 456789로,x 110123456789".encode()
    ).rows
    assert [(problem.code, problem.field, problem.value) for problem in row.problems] == [
        ("account_in_reason", "reason", "")
    ]
    assert (row.request.reason, row.note) == ("", "x •••• 6789")
