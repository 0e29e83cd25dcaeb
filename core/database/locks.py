"""Lock rows in a statement of plain SQL.

Where a refund waits, whole rows are read by `Model.objects.raw("SELECT * …")`: the ORM would compile the names of 50
columns at each use, which takes it longer than all the rest of the statement.
"""

from django.db import connection


def for_update() -> str:
    """Return the end of a statement that locks its rows. SQLite has none: its transactions lock the whole database."""
    return "FOR UPDATE" if connection.features.has_select_for_update else ""
