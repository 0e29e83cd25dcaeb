"""Bank codes: the standard code, and the form that each PG takes."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "bank_codes.csv"

PG_COLUMNS = {
    "kcp": "kcp",
    "kcp_quick": "kcp",
    "html5_inicis": "html5_inicis",
    "inicis": "html5_inicis",
    "daou": "daou",
    "tosspayments": "standard3",
    "danal": "standard3",
    "nice": "standard3",
    "kicc": "standard3",
    "smartro": "standard3",
    "smartro_v2": "standard3",
    "settle": "standard3",
    "nice_v2": "nice_v2",
    "welcome": "welcome",
}


@cache
def banks() -> tuple[dict[str, str], ...]:
    """One bank of the table."""
    with DATA.open(encoding="utf-8", newline="") as source:
        return tuple(csv.DictReader(source))


def bank_names() -> dict[str, str]:
    """Return the Korean names by standard code."""
    return {row["standard_code"]: row["name_ko"] for row in banks()}


def codes_for_pg(pg_provider: str) -> set[str]:
    """Return the refund_bank codes that a PG accepts."""
    column = PG_COLUMNS.get(pg_provider, "standard_code")
    return {row[column] for row in banks() if row[column]}
