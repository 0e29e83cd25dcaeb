"""The cells of an exported table, and texts that no spreadsheet program takes for a formula, a number or a date."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

Cell = str | Decimal | datetime | date | None
Row = Sequence[Cell]

# Spreadsheet programs take these for the beginning of a formula or an error value, and "'" is our own mark.
_FORMULA = ("=", "+", "-", "@", "#", "'")
_NUMBER = re.compile(r"\(?[₩$€£¥]?\s*(\d[\d,]*\.?\d*|\.\d+)\s*(e\s*[+-]?\d+)?\s*[%₩$€£¥]?\)?", re.ASCII)
# Words in dates and times, in English and Korean.
_WORDS = re.compile(
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?"
    r"|dec(ember)?)(?![a-z])|(?<=[\d\s])[ap]m?(?![a-z])|오전|오후|[년월일시분초]|(?<=\d)[tz](?=\d|$)"
)
_DATE = re.compile(r"[\d\s./:,+-]*\d[\d\s./:,+-]*", re.ASCII)
# Not allowed in XML, and of no use in a table.
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean_text(text: str) -> str:
    """Remove characters that a file cannot hold."""
    return _ILLEGAL.sub("", text)


def safe_text(text: str) -> str:
    """Return a text for CSV: with an apostrophe in front if a spreadsheet would read it as something else.

    One in front of a text that begins with one, too: who reads the file by program takes one away from each.
    """
    clean = clean_text(text)
    return f"'{clean}" if _is_converted(clean) else clean


def _is_converted(text: str) -> bool:
    """Return whether a spreadsheet program makes something else of a text: better one too many than one too few."""
    seen = unicodedata.normalize("NFKC", text).strip().casefold()
    if text.startswith(("\t", "\r", "\n")) or seen.startswith(_FORMULA) or seen in ("true", "false"):
        return True
    return bool(_NUMBER.fullmatch(seen)) or _is_date(_WORDS.sub(" ", seen))


def _is_date(text: str) -> bool:
    """Return whether only numbers and separators are left, of which at most the year is long: 010-1234-5678 is none."""
    return bool(_DATE.fullmatch(text)) and sum(len(number) > 2 for number in re.findall(r"\d+", text)) <= 1
