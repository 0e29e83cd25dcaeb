"""Banks, and the code that each PG wants for them. The table is `data/bank_codes.csv`."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "bank_codes.csv"

# PG -> column of the table. A PG that is not here takes the standard code of every bank.
_COLUMNS: Mapping[str, str] = {
    "kcp": "kcp",
    "kcp_quick": "kcp",
    "html5_inicis": "inicis",
    "inicis": "inicis",
    "daou": "daou",
    **dict.fromkeys(("tosspayments", "danal", "nice", "kicc", "smartro", "smartro_v2", "settle"), "three_digit"),
    "nice_v2": "nice_v2",
    "welcome": "welcome",
}
_SUFFIX = re.compile("(은행|뱅크|bank)$")


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank by its standard (KFTC) code, three digits."""

    code: str
    name_ko: str
    name_en: str
    codes: Mapping[str, str] = field(repr=False, compare=False)  # column -> the PG's code, if it lists the bank
    spellings: frozenset[str] = field(repr=False, compare=False)


def banks_for(pg_provider: str) -> list[Bank]:
    """Return the banks that the PG can refund to, by standard code; all of them for a PG that is not in the table."""
    return [bank for bank in _banks() if wire_code(bank, pg_provider) is not None]


def bank_by_code(code: str) -> Bank | None:
    """Return the bank with this standard three-digit code."""
    return next((bank for bank in _banks() if bank.code == code), None)


def wire_code(bank: Bank, pg_provider: str) -> str | None:
    """Return the PG's `refund_bank` for this bank; None if it does not list the bank."""
    column = _COLUMNS.get(pg_provider.strip().lower())
    return bank.code if column is None else bank.codes.get(column)


def resolve_bank(text: str, pg_provider: str) -> Bank | None:
    """Return the bank that `text` names; None if no bank or more than one fits.

    Tried in this order: the PG's own code (so for daou "12" is Hana Bank, though 012 is the standard code
    of another bank), the standard code with or without its leading zero, NHN KCP's form ("BK88"), and the
    name in Korean or English, short or long ("신한", "KB국민은행", "shinhan bank"). The PG may not list the
    bank found: that is `wire_code`'s answer.
    """
    wanted = unicodedata.normalize("NFKC", text).strip().upper()
    if not wanted:
        return None
    if (own := _only(bank for bank in _banks() if wire_code(bank, pg_provider) == wanted)) is not None:
        return own
    if re.fullmatch("[0-9]{2,3}", wanted):
        return bank_by_code(wanted.zfill(3))
    if re.fullmatch("BK[0-9]{2}", wanted):
        return _only(bank for bank in _banks() if bank.codes.get("kcp") == wanted)
    spellings = _spellings(wanted)
    return _only(bank for bank in _banks() if bank.spellings & spellings)


def _only(banks: Iterator[Bank]) -> Bank | None:
    found = list(banks)
    return found[0] if len(found) == 1 else None


def _spellings(name: str) -> set[str]:
    """Return `name` without case, spaces and punctuation, and without the word "bank" if enough is left."""
    folded = "".join(char for char in unicodedata.normalize("NFKC", name).casefold() if char.isalnum())
    short = _SUFFIX.sub("", folded)
    return {folded, short} if len(short) > 1 else {folded}


@cache
def _banks() -> tuple[Bank, ...]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return tuple(_bank(line) for line in csv.DictReader(stream))


def _bank(line: Mapping[str, str]) -> Bank:
    names = [line["name_ko"], line["name_en"], *line["aliases"].split("|")]
    return Bank(
        code=line["code"],
        name_ko=line["name_ko"],
        name_en=line["name_en"],
        codes={column: line[column] for column in set(_COLUMNS.values()) if line[column]},
        spellings=frozenset(spelling for name in names if name for spelling in _spellings(name)),
    )
