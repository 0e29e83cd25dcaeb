"""The migrations create exactly the stored schema, so that no constraint, index or trigger is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection

from tests.schema import describe

STORED = Path(__file__).resolve().parent / "schemas"


@pytest.mark.django_db
def test_migrations_make_the_stored_schema() -> None:
    """Compare the schema; after an intended change, run WRITE_SCHEMA=1 pytest tests/test_schema.py on each database."""
    stored = STORED / f"{connection.vendor}.txt"
    lines = describe()
    if os.environ.get("WRITE_SCHEMA"):
        stored.write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert lines == stored.read_text(encoding="utf-8").splitlines()
