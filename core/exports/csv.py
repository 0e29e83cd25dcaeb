"""Tables as CSV for spreadsheet programs, streamed row by row however long they are."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from core.exports.cells import Cell, Row, safe_text

CSV_TYPE = "text/csv; charset=utf-8"
# Without this mark Excel takes the text for another encoding and garbles Korean.
BYTE_ORDER_MARK = "\ufeff"


class _Echo:
    """A file that returns each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the rows as CSV in UTF-8. Numbers are plain, times in Asia/Seoul."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK.encode()
    for row in rows:
        yield writer.writerow([_cell(cell) for cell in row]).encode()


def _cell(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:f}" if isinstance(cell, Decimal) else safe_text(cell or "")
