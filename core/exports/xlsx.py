"""Tables as Excel files, built in memory: a table may hold personal data, so nothing is written to a disk."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from core.exports.cells import Cell, Row, clean_text

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 100_000  # without the heading; the file is held in memory
_LONGEST = 32_767  # characters that Excel takes in a cell
_LONGEST_NAME = 31  # characters of a sheet's name
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_COLUMNS, _WIDTH = 50, 18  # characters
_PIECE = 1 << 16  # bytes


def xlsx_pieces(
    rows: Iterable[Row], totals: Callable[[], Iterable[Row]] = tuple, *, name: str = "Sheet1"
) -> Iterator[bytes]:
    """Yield the rows as an Excel file; the first row is the heading. Times are in Asia/Seoul.

    The sheet has this `name`. `totals` is called after the last row; a second sheet has what it returns.
    """
    file, language = io.BytesIO(), get_language()
    # `in_memory` switches off `constant_memory`, which would write the rows to a temporary file.
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        _write_sheet(book, _NOT_IN_NAMES.sub("-", name)[:_LONGEST_NAME], rows)
        with override(language):  # it is written after the request, when another language may be active
            if added_up := list(totals()):
                _write_sheet(book, gettext("Totals"), added_up)
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def _write_sheet(book: Any, name: str, rows: Iterable[Row]) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, _COLUMNS - 1, _WIDTH)
    writer = _CellWriter(book, sheet)
    for row_number, row in enumerate(rows):
        for column, cell in enumerate(row):
            writer.write(row_number, column, cell)


class _CellWriter:
    """Write each cell as the type it has, so that Excel never parses a text."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self._sheet = sheet
        self._bold = book.add_format({"bold": True})
        self._whole = book.add_format({"num_format": "#,##0"})
        self._cents = book.add_format({"num_format": "#,##0.00"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def write(self, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, Decimal):
            has_decimals = "." in f"{cell:f}"
            self._sheet.write_number(row, column, cell, self._cents if has_decimals else self._whole)
        elif isinstance(cell, datetime):
            at = timezone.localtime(cell).replace(microsecond=0, tzinfo=None)  # Excel's times have no zone
            self._sheet.write_datetime(row, column, at, self._time)
        elif isinstance(cell, date):
            self._sheet.write_datetime(row, column, cell, self._day)
        elif cell:
            text = clean_text(cell).replace("\r\n", "\n").replace("\r", "\n")
            self._sheet.write_string(row, column, text[:_LONGEST], self._bold if row == 0 else None)
