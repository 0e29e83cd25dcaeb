"""The cells of a sheet as they were read, before anybody knows what their columns mean."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from core.errors import DomainError
from core.sentences import sentence as _
from refunds.batches.create import MAX_ROWS

LAST_LINE = 100_000  # with empty lines
MAX_COLUMNS = 50
_LONGEST = 2_000  # characters kept of a text; every column takes fewer
_SHOWN = 60  # characters of a value in a message
_ZERO_WIDTH = "\ufeff\u200b\u200c\u200d\u2060"
_LONG_NUMBER = 9  # digits: an account or telephone number can have so few


class SheetRefused(DomainError):
    """The file or the pasted text cannot be read at all; the message says what to do. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class serves every unreadable file


class Kind(Enum):
    """What a spreadsheet program holds in a cell. A CSV file has texts only."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FORMULA = "formula"
    ERROR = "error"
    MERGED = "merged"


class Cell(NamedTuple):
    """A cell: its text, trimmed, and its kind. A number's text is plain: 4000.0 is "4000"."""

    text: str
    kind: Kind = Kind.TEXT


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a sheet, numbered as a spreadsheet program numbers it."""

    number: int
    cells: list[Cell]
    hidden: bool = False

    @property
    def is_empty(self) -> bool:
        return not any(cell.text for cell in self.cells)


def text_cell(text: str) -> Cell:
    """Return a cell with a text, without the apostrophe that our own exports and Excel put before a text."""
    plain = text[:_LONGEST].strip()
    if not plain.isascii():
        plain = plain.strip(_ZERO_WIDTH).strip()
    return Cell(plain.removeprefix("'")) if plain else EMPTY


def column_letters(index: int) -> str:
    """Return how a spreadsheet program names a column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def shown(text: str) -> str:
    """Return a typed value for a message, cut to a readable length."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def masked(text: str) -> str:
    """Return what may be shown of an account or a telephone: its last four digits, if it has enough of them."""
    digits = re.sub(r"\D", "", text)
    return f"•••• {digits[-4:]}" if len(digits) >= _LONG_NUMBER else "••••"


def shown_unless_secret(text: str) -> str:
    """Return a typed value for a message; masked if it has as many digits as accounts and telephones have."""
    return masked(text) if sum(char.isdigit() for char in text) >= _LONG_NUMBER else shown(text)


def too_many_rows() -> SheetRefused:
    message = _("The sheet has more than %(max)s rows. Split it into several files.")
    return SheetRefused("too_many_rows", message % {"max": f"{MAX_ROWS:,}"})
