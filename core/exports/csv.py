"""Tables as CSV for spreadsheet programs, streamed row by row however long they are."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from core.exports.cells import Cell, Row, safe_text

CSV_TYPE = "text/csv; charset=utf-8"
# Without this mark Excel takes the text for another encoding and garbles Korean.
BYTE_ORDER_MARK = "\ufeff"
_ROWS_PER_PIECE = 500


def csv_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the rows as CSV in UTF-8. Numbers are plain, times in Asia/Seoul."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BYTE_ORDER_MARK)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_cell(cell) for cell in row])
        if number % _ROWS_PER_PIECE == 0:
            yield _take(buffer)
    yield _take(buffer)


def _cell(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
    return f"{cell:f}" if isinstance(cell, Decimal) else safe_text(cell or "")


def _take(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
