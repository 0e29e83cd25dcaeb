"""The cells of an exported table, and texts that no spreadsheet program takes for a formula or a number."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

Cell = str | Decimal | datetime | None
Row = Sequence[Cell]

# Spreadsheet programs take these for the beginning of a formula, also in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
# They would drop the leading zero, or the last digits.
_MANGLED = re.compile(r"0\d+|\d{12,}", re.ASCII)
# Not allowed in XML, and of no use in a table.
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean_text(text: str) -> str:
    """Remove characters that a file cannot hold."""
    return _ILLEGAL.sub("", text)


def safe_text(text: str) -> str:
    """Return a text for CSV: with an apostrophe in front if a spreadsheet would read it as something else."""
    clean = clean_text(text)
    return f"'{clean}" if clean.startswith(_FORMULA) or _MANGLED.fullmatch(clean) else clean
