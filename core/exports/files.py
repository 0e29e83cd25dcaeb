"""Tables as files to download."""

from collections.abc import Callable, Iterable

from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header

from core.exports.cells import Row
from core.exports.csv import CSV_TYPE, csv_pieces
from core.exports.xlsx import XLSX_TYPE, xlsx_pieces


def file_response(
    rows: Iterable[Row], kind: str, name: str, totals: Callable[[], Iterable[Row]] = tuple
) -> StreamingHttpResponse:
    """Return the rows as a file of this kind, `xlsx` or `csv`. Raises `Http404` for another.

    `name` is that of the file and of its first sheet. `totals` is called after the last row. They are a second sheet of
    an Excel file: in CSV, programs would take them for more rows.
    """
    if kind == "xlsx":
        pieces, content_type = xlsx_pieces(rows, totals, name=name), XLSX_TYPE
    elif kind == "csv":
        pieces, content_type = csv_pieces(rows), CSV_TYPE
    else:
        raise Http404
    headers = {
        "Content-Disposition": content_disposition_header(True, f"{name}.{kind}") or "",
        "X-Accel-Buffering": "no",
    }
    return StreamingHttpResponse(pieces, content_type=content_type, headers=headers)
