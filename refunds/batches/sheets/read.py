"""Read a sheet of a bulk refund: a file, or a table that was copied from a spreadsheet and pasted."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from refunds.batches.create import MAX_ROWS, Problem
from refunds.batches.sheets.cells import Line, SheetRefused, shown, too_many_rows
from refunds.batches.sheets.columns import Layout, is_heading, no_heading, read_headings, suggestion, unknown_headings
from refunds.batches.sheets.delimited import decode, lines_of, separator_of
from refunds.batches.sheets.mangled import is_rounded, why_rounded
from refunds.batches.sheets.rows import IDS, SheetRow, read_row
from refunds.batches.sheets.xlsx import encrypted, read_workbook

MAX_BYTES = 10_000_000
_TITLE_LINES = 10  # above the heading, at most
_ZIP, _OLE, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARKUP = ("<!doctype", "<html", "<table", "<?xml", "<meta")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read. The file itself is not kept.

    `headings` are those of the sheet as typed, without the empty ones; none if it has no heading. `skipped_lines`
    stand above the heading. `sheet_name` and `other_sheets` are those of a workbook.
    """

    name: str
    file_hash: str
    rows: list[SheetRow]
    headings: tuple[str, ...] = ()
    empty_lines: int = 0
    skipped_lines: int = 0
    sheet_name: str = ""
    other_sheets: tuple[str, ...] = ()


def read_sheet(name: str, data: bytes) -> Sheet:
    """Read a file by what it contains, whatever its name says. Raises `SheetRefused`."""
    _ensure_size(len(data))
    file_hash = hashlib.sha256(data).hexdigest()
    if data.startswith(_OLE):
        raise encrypted() if _ENCRYPTED in data else _old_excel()
    if data.startswith(_PDF):
        raise _not_a_sheet()
    if data.startswith(_ZIP):
        found = read_workbook(data)
        sheet = _read_lines(found.lines, comma_separated=False)
        return replace(sheet, name=name, file_hash=file_hash, sheet_name=found.name, other_sheets=found.others)
    return replace(_read_text(decode(data)), name=name, file_hash=file_hash)


def read_paste(text: str) -> Sheet:
    """Read a pasted table: with a heading, or order numbers alone or each with an amount. Raises `SheetRefused`."""
    plain = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    data = plain.strip("\n").encode("utf-8", "surrogatepass")
    _ensure_size(len(data))
    return replace(_read_text(plain), file_hash=hashlib.sha256(data).hexdigest())


def _read_text(text: str) -> Sheet:
    if text.lstrip("\ufeff \t\r\n").casefold().startswith(_MARKUP):
        raise _old_excel()
    separator = separator_of(text)
    sheet = _read_lines(lines_of(text, separator), comma_separated=separator == ",")
    return replace(sheet, rows=_without_rounded(sheet.rows))


def _read_lines(lines: Iterable[Line], *, comma_separated: bool) -> Sheet:
    counted = _Counted(lines)
    filled = iter(counted)
    layout, body, skipped = _find_heading(filled)
    rows = [read_row(line, layout, comma_separated=comma_separated) for line in itertools.islice(body, MAX_ROWS + 1)]
    if len(rows) > MAX_ROWS:
        raise too_many_rows()
    if not rows:
        raise _empty()
    return Sheet(
        name="",
        file_hash="",
        rows=rows,
        headings=tuple(filter(None, layout.headings)),
        empty_lines=counted.empty,
        skipped_lines=skipped,
    )


class _Counted:
    """The lines that are not empty; counts the empty ones between them."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = lines
        self.empty = 0

    def __iter__(self) -> Iterator[Line]:
        waiting = 0  # those after the last line do not count
        for line in self._lines:
            if line.is_empty:
                waiting += 1
            else:
                self.empty += waiting
                waiting = 0
                yield line


def _find_heading(lines: Iterator[Line]) -> tuple[Layout, Iterator[Line], int]:
    """Return what the columns mean, the lines below the heading, and how many stand above it.

    Above it there can be titles, each alone in its line. Without a heading every line is an order.
    """
    head: list[Line] = []
    for line in itertools.islice(lines, _TITLE_LINES):
        if is_heading(line) and (not head or _width(line) > 1):
            return read_headings(line), lines, len(head)
        head.append(line)
        if _width(line) > 1:
            break
    if not head:
        raise _empty()
    _ensure_orders(head)
    return Layout(), itertools.chain(head, lines), 0


def _ensure_orders(head: list[Line]) -> None:
    """Refuse lines without a heading that have more than an order and an amount, or a misspelt heading."""
    if any(cell.text for line in head for cell in line.cells[2:]):
        raise no_heading()
    first = [cell.text for cell in head[0].cells if cell.text]
    misspelt = [text for text in first if not any(char.isdigit() for char in text) and suggestion(text)]
    if misspelt:
        raise unknown_headings(misspelt)


def _width(line: Line) -> int:
    return sum(bool(cell.text) for cell in line.cells)


def _without_rounded(rows: list[SheetRow]) -> list[SheetRow]:
    """Refuse the long numbers of a column if each of them ends in zeros, as a spreadsheet program leaves them."""
    for name in IDS:
        rounded = [is_rounded(getattr(row, name)) for row in rows]
        if True in rounded and False not in rounded:
            rows = [_refuse_rounded(row, name) if bad else row for row, bad in zip(rows, rounded, strict=True)]
    return rows


def _refuse_rounded(row: SheetRow, name: str) -> SheetRow:
    problem = Problem("mangled_number", why_rounded(), name, shown(getattr(row, name)))
    row = replace(row, problems=(*row.problems, problem))
    return replace(row, imp_uid="") if name == "imp_uid" else replace(row, merchant_uid="")


def too_large() -> SheetRefused:
    """Return the refusal of a file above `MAX_BYTES`."""
    message = _("The file is larger than %(max)s MB. Split it, or remove what the refunds do not need.")
    return SheetRefused("too_large", message % {"max": MAX_BYTES // 1_000_000})


def _ensure_size(size: int) -> None:
    if size > MAX_BYTES:
        raise too_large()


def _old_excel() -> SheetRefused:
    message = _(
        "This is an old Excel file (.xls) or a web page with the name of one. Open it in Excel and save it as an "
        "Excel workbook (.xlsx)."
    )
    return SheetRefused("old_excel", message)


def _not_a_sheet() -> SheetRefused:
    return SheetRefused("not_a_sheet", _("The file is not a table. Upload an Excel workbook (.xlsx) or a CSV file."))


def _empty() -> SheetRefused:
    return SheetRefused("empty_sheet", _("The sheet has no orders."))
