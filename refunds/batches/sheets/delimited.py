"""CSV and pasted text: which encoding, which separator, and its lines."""

import codecs
import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

from refunds.batches.sheets.cells import LAST_LINE, Line, SheetRefused, text_cell, too_many_rows

_SEPARATORS = ("\t", ";", ",")
_SAMPLE = 20  # lines that tell the separator
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes) -> str:
    """Return the text of a file: by its mark; without one UTF-8, then UTF-16, then CP949, each in full or not at all.

    Raises `SheetRefused`.
    """
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    message = _(
        "The file is not a table that can be read, or is in an unknown encoding. Save it in your spreadsheet "
        "program as an Excel workbook (.xlsx) or as CSV UTF-8."
    )
    raise SheetRefused("unknown_encoding", message)


def _encodings(data: bytes) -> tuple[str, ...]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return (encoding,)
    if b"\0" in data:
        little_endian = data[1::2].count(0) > data[::2].count(0)  # separators and digits have their zero byte second
        return ("utf-16-le",) if little_endian else ("utf-16-be",)
    return ("utf-8", "cp949")


def lines_of(text: str, separator: str) -> Iterator[Line]:
    """Yield the lines of a text, empty ones too. Raises `SheetRefused`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if number > LAST_LINE:
                raise too_many_rows()
            yield Line(number, [text_cell(cell) for cell in cells])
    except csv.Error as exc:
        message = _(
            "The quotation marks in line %(line)d of the text do not match, so the columns cannot be told apart. "
            "Correct them, or upload an Excel workbook (.xlsx)."
        )
        raise SheetRefused("bad_quotes", message % {"line": reader.line_num}) from exc


def separator_of(text: str) -> str:
    """Return what separates the cells: a tab if there is one, else what the first lines have more of."""
    sample = [line for line in io.StringIO(text[:1_000_000]) if line.strip()][:_SAMPLE]
    if any("\t" in line for line in sample):
        return "\t"
    for line in sample:
        if separators := [mark for mark in _SEPARATORS if mark in line]:
            return max(separators, key=line.count)
    return ","
