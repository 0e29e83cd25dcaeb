"""Classify a refused cancel by its text. For hints and statistics only: reading the payment decides about money."""

import re
import unicodedata
from collections.abc import Iterator

from payments.gateway.base import Refusal, RefusalClass
from payments.gateway.iamport.refusal_table import TABLE, USUAL_STEPS, Row

# A code with letters counts anywhere, one of digits only where texts put codes: "[500626|…]", "(2015)", "8178: …".
_WORDS = re.compile(r"(?<![A-Za-z0-9_])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9_]+(?![A-Za-z0-9_])")
_NUMBERS = re.compile(r"(?:^|[\[(]|\.\s)\s*(-?\d{2,})\s*[|\])}:]")


def classify_refusal(message: str, *, pg_provider: str) -> Refusal:
    """Return what a refusal means. The longest known text in `message` decides, then a code; else it is "other".

    The text comes first because codes repeat with other meanings, even within one PG.
    """
    text, codes = _squeezed(message), {*_WORDS.findall(message), *_NUMBERS.findall(message)}
    best: tuple[int, bool] = (0, False)
    found = Refusal("other", USUAL_STEPS["other"])
    for kind, row in _rows_of(pg_provider.strip().lower()):
        fragment = _squeezed(row.fragment)
        fit = (len(fragment) if fragment in text else 0, _has_code(row, codes))
        if fit > best:
            best, found = fit, Refusal(kind, row.step or USUAL_STEPS[kind])
    return found


def _rows_of(pg_provider: str) -> Iterator[tuple[RefusalClass, Row]]:
    for kind, rows in TABLE.items():
        for row in rows:
            if not row.pgs or pg_provider in row.pgs.split():
                yield kind, row


def _has_code(row: Row, codes: set[str]) -> bool:
    patterns = [code.replace("xx", r"\d\d") for code in row.codes.split()]
    return any(re.fullmatch(pattern, code) for pattern in patterns for code in codes)


def _squeezed(text: str) -> str:
    """Return the text as compared: composed letters, no case, no spaces, which the same PG sets differently."""
    return "".join(unicodedata.normalize("NFC", text).casefold().split())
