"""Lock rows in a statement of plain SQL."""

from django.db import connection


def for_update() -> str:
    """Return the end of a statement that locks its rows. SQLite has none: its transactions lock the whole database."""
    return "FOR UPDATE" if connection.features.has_select_for_update else ""
