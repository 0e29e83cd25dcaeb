"""Excel workbooks: whether the file is safe to read, which sheet is read, and its lines.

openpyxl reads the parts. Its reader of one sheet is used directly, because it tells in one pass what no public reader
of a streamed sheet tells: formulas, merged cells and hidden rows. Nothing is executed, and no link is followed.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from typing import IO, Any
from xml.parsers import expat

from django.utils.translation import gettext as _
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.cell import range_boundaries
from openpyxl.worksheet._reader import WorkSheetParser

from refunds.batches.create import MAX_ROWS
from refunds.batches.sheets.cells import (
    EMPTY,
    LAST_LINE,
    MAX_COLUMNS,
    Cell,
    Kind,
    Line,
    SheetRefused,
    column_letters,
    text_cell,
    too_many_rows,
)

_MAX_PARTS = 1_000
_MAX_UNPACKED = 64 << 20  # bytes; a sheet of 20,000 rows has about 10 MB
_MAX_SMALL_PART = 4 << 20  # bytes of the styles, the list of sheets and so on
_MAX_TAGS = 2_000_000  # of one part, which limits what its tree takes in memory
_LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings", "xl/pivotCache/", "xl/media/", "xl/drawings/", "customXml/")
_PIECE = 1 << 16
_TextOf = Callable[[str], Cell]
_SIGNIFICANT = 15  # digits that a spreadsheet program shows of a number


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """The lines of the first visible sheet, its name, and the names of the other sheets, hidden ones too."""

    lines: list[Line]
    name: str
    others: tuple[str, ...]


def read_workbook(data: bytes) -> ReadSheet:
    """Read the first visible sheet of an Excel workbook. Raises `SheetRefused`."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _ensure_safe(archive)
        return _read(data)
    except SheetRefused:
        raise
    except Exception as exc:  # a foreign file can break a reader in any way
        raise _unreadable() from exc


def _ensure_safe(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that unpacks to too much, has too many parts, or declares entities.

    zipfile unpacks no more of a part than the part declares as its size.
    """
    parts = archive.infolist()
    markup = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
    small = [part for part in markup if not part.filename.startswith(_LARGE_PARTS)]
    if (
        len(parts) > _MAX_PARTS
        or sum(part.file_size for part in parts) > _MAX_UNPACKED
        or any(part.file_size > _MAX_SMALL_PART for part in small)
    ):
        raise _too_much()
    if any(part.flag_bits & 1 for part in parts):
        raise encrypted()
    names = {part.filename for part in parts}
    if len(names) != len(parts) or "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise _unreadable()
    for part in markup:
        with archive.open(part) as source:
            _ensure_plain(source)


class _RootReached(Exception):
    """The document has begun: no declaration can follow."""


def _ensure_plain(source: IO[bytes]) -> None:
    """Refuse a part with a document type, which could declare entities, or with too many tags."""

    def refuse(*_declaration: object) -> None:
        raise _unreadable()

    def stop(*_element: object) -> None:
        raise _RootReached

    tags = 0
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = stop
    with suppress(_RootReached):
        while piece := source.read(_PIECE):
            tags += piece.count(b"<")
            parser.Parse(piece)
    while piece := source.read(_PIECE):
        tags += piece.count(b"<")
    if tags > _MAX_TAGS:
        raise _too_much()


def _read(data: bytes) -> ReadSheet:
    reader = ExcelReader(BytesIO(data), read_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_strings()
    reader.read_workbook()
    apply_stylesheet(reader.archive, reader.wb)
    found = [
        (sheet.name, sheet.state, link.target)
        for sheet, link in reader.parser.find_sheets()
        if link.Type.endswith("/worksheet")
    ]
    chosen = next((sheet for sheet in found if sheet[1] == "visible"), None)
    if chosen is None:
        raise SheetRefused("no_visible_sheet", _("The workbook has no visible sheet with cells."))
    others = tuple(sheet[0] for sheet in found if sheet is not chosen)
    with reader.archive, reader.archive.open(chosen[2]) as source:
        return ReadSheet(_lines(_SheetReader(source, reader)), chosen[0], others)


class _SheetReader(WorkSheetParser):  # type: ignore[misc]  # openpyxl ships no types
    """openpyxl's reader of a sheet, without what is not needed and can fail."""

    def __init__(self, source: IO[bytes], reader: Any) -> None:
        book = reader.wb
        super().__init__(
            source,
            reader.shared_strings,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001 - nothing public tells dates from numbers in a stream
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001
        )

    def parse_formula(self, element: Any) -> str:
        return "="

    def _skip(self, element: Any) -> None:
        """Leave out a part of the sheet that says nothing about its cells."""

    parse_sheet_protection = parse_extensions = parse_formatting = parse_legacy = _skip
    parse_column_dimensions = parse_row_breaks = parse_col_breaks = parse_custom_views = _skip


def _lines(reader: _SheetReader) -> list[Line]:
    """Return the lines of a sheet, the empty ones between them too."""
    lines: list[Line] = []
    filled = last = 0
    text_of = lru_cache(maxsize=None)(text_cell)  # a text that many cells share is kept once, however long it is
    for number, cells in reader.parse():
        if (line := _line(number, cells, reader, text_of)) is None:
            continue
        filled += 1
        if filled > MAX_ROWS + 1 or number > LAST_LINE:
            raise too_many_rows()
        if number <= last:
            raise _unreadable()
        lines.extend(Line(empty, []) for empty in range(last + 1, number))
        last = number
        lines.append(line)
    _mark_merged(lines, [merged.ref for merged in reader.merged_cells.mergeCell] if reader.merged_cells else [])
    return lines


def _line(number: int, cells: list[dict[str, Any]], reader: _SheetReader, text_of: _TextOf) -> Line | None:
    """Return a line; None if it is empty."""
    row: list[Cell] = []
    for item in cells:
        if (cell := _cell(item, text_of)) == EMPTY:
            continue
        index = item["column"] - 1
        if index >= MAX_COLUMNS:
            message = _("Cell %(cell)s is too far to the right. Delete what is beyond column %(last)s.")
            where = {"cell": f"{column_letters(index)}{number}", "last": column_letters(MAX_COLUMNS - 1)}
            raise SheetRefused("too_many_columns", message % where)
        row.extend([EMPTY] * (index + 1 - len(row)))
        row[index] = cell
    if not row:
        return None
    hidden = reader.row_dimensions.get(str(number), {}).get("hidden") in ("1", "true")
    return Line(number, row, hidden)


def _cell(item: dict[str, Any], text_of: _TextOf) -> Cell:
    kind, value = item["data_type"], item["value"]
    if kind == "f":
        return Cell("=", Kind.FORMULA)
    if value is None or value == "":
        return EMPTY
    if kind == "e":
        return Cell(str(value), Kind.ERROR)
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE")
    if isinstance(value, int | float):
        return Cell(_number(value), Kind.NUMBER)
    if isinstance(value, datetime | date | time | timedelta):
        return Cell(str(value).removesuffix(" 00:00:00"), Kind.DATE)
    return text_of(str(value))


def _number(value: int | float) -> str:
    """Return a number as a spreadsheet program shows it where there is room: 4000.0 is "4000"."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return f"{Decimal(f'{value:.{_SIGNIFICANT}g}'):f}"


def _mark_merged(lines: list[Line], ranges: list[str]) -> None:
    """Mark the cells of merged ranges. A range that covers no line with cells costs nothing."""
    by_number = {line.number: line for line in lines if line.cells}
    last = lines[-1].number if lines else 0
    for left, top, right, bottom in _bounded(ranges):
        for number in range(top, min(bottom, last) + 1):
            if line := by_number.get(number):
                width = min(right, MAX_COLUMNS)
                line.cells.extend([EMPTY] * (width - len(line.cells)))
                for index in range(left - 1, width):
                    line.cells[index] = Cell(line.cells[index].text, Kind.MERGED)


def _bounded(ranges: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the bounds of the ranges. Raises `SheetRefused` if they overlap so often that marking them takes long."""
    marked = 0
    for reference in ranges:
        left, top, right, bottom = range_boundaries(reference)
        marked += (min(bottom, LAST_LINE) - top + 1) * max(min(right, MAX_COLUMNS) - left + 1, 1)
        if marked > LAST_LINE * MAX_COLUMNS:
            raise _unreadable()
        yield left, top, right, bottom


def encrypted() -> SheetRefused:
    message = _("The file is protected by a password. Save it without a password and upload it again.")
    return SheetRefused("encrypted", message)


def _too_much() -> SheetRefused:
    message = _("The workbook is too large when unpacked. Copy the rows into a new workbook and upload that.")
    return SheetRefused("unpacks_to_too_much", message)


def _unreadable() -> SheetRefused:
    message = _(
        "The file cannot be read as an Excel workbook. Open it in Excel and save it as an Excel workbook (.xlsx), or "
        "copy its rows and paste them."
    )
    return SheetRefused("unreadable", message)
