"""Tables as files for spreadsheet programs, CSV and Excel, written piece by piece however long they are.

Nothing in a cell can run there: a text is never taken for a formula. No piece touches the disk, since a table may
hold personal data.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from django.utils import timezone

Cell = str | Decimal | datetime | None
Row = Sequence[Cell]

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Without this mark Excel takes the text for another encoding and garbles Korean.
BYTE_ORDER_MARK = "\ufeff"

# What spreadsheet programs take for the beginning of a formula, also in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
# They would drop the leading zero, or the last digits.
_MANGLED = re.compile(r"0\d+|\d{12,}", re.ASCII)
# Cannot be in XML, and has no business in a table.
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# Excel reads such a text as one character.
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_LONGEST = 32_767  # characters that Excel takes in a cell
_ROWS_PER_PIECE = 500


def safe_text(text: str) -> str:
    """A text for CSV: with an apostrophe in front where a spreadsheet would read it as something else."""
    clean = _ILLEGAL.sub("", text)
    return f"'{clean}" if clean.startswith(_FORMULA) or _MANGLED.fullmatch(clean) else clean


def csv_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows as CSV in UTF-8. Numbers are plain, times Korean."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BYTE_ORDER_MARK)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_csv_cell(cell) for cell in row])
        if number % _ROWS_PER_PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _csv_cell(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return f"{timezone.localtime(cell):%Y-%m-%d %H:%M:%S}"
    return f"{cell:f}" if isinstance(cell, Decimal) else safe_text(cell or "")


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


# --- Excel --------------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# Places in `cellXfs` of the styles.
_PLAIN, _WHOLE, _CENTS, _TIME, _BOLD = range(5)
_WIDTH = 18  # characters

_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_OFFICE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="3" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's times have no zone
_DAY = 86_400


class _Sink:
    """Where the archive is written: what is in it goes out with the next piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def xlsx_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows as an Excel file with one sheet; the first is the heading. Times are Korean."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # it needs no more
        for name, part in _PARTS.items():
            archive.writestr(name, _HEAD + part)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_SHEET_START)
            for number, row in enumerate(rows, start=1):
                cells = "".join(_xlsx_cell(cell, heading=number == 1) for cell in row)
                sheet.write(f"<row>{cells}</row>".encode())
                if number % _ROWS_PER_PIECE == 0:
                    yield sink.take()
            sheet.write(b"</sheetData></worksheet>")
    yield sink.take()


_SHEET_START = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}">'
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView>'
    "</sheetViews>"
    f'<cols><col min="1" max="50" width="{_WIDTH}" customWidth="1"/></cols><sheetData>'
).encode()


def _xlsx_cell(cell: Cell, *, heading: bool) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, Decimal):
        exponent = cell.as_tuple().exponent
        style = _CENTS if isinstance(exponent, int) and exponent < 0 else _WHOLE
        return f'<c s="{style}"><v>{cell:f}</v></c>'
    if isinstance(cell, datetime):
        since = timezone.localtime(cell).replace(tzinfo=None) - _EPOCH
        return f'<c s="{_TIME}"><v>{since.days + since.seconds / _DAY:.10f}</v></c>'
    text = escape(_ESCAPED.sub("_x005F_", _ILLEGAL.sub("", cell)[:_LONGEST]))
    # Written into the cell as text, it is never read as anything else.
    return f'<c s="{_BOLD if heading else _PLAIN}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
