"""The database's clock: one for all processes and machines that share a ledger."""

from datetime import datetime

from django.db import connection
from django.db.models import DateTimeField, Func, Value
from django.utils import timezone


def database_now() -> datetime:
    """Return the time by the database's clock, so that machines whose clocks differ agree when a lease ends.

    SQLite has no server: all its processes share one machine, and so its clock.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # now() would be the beginning of the transaction
        (now,) = cursor.fetchone()
    return now  # type: ignore[no-any-return]


def database_clock() -> Func | Value:
    """Return the same clock as an expression, for a statement that is made anyway."""
    if connection.vendor != "postgresql":
        return Value(timezone.now(), output_field=DateTimeField())
    return Func(function="clock_timestamp", output_field=DateTimeField())


def clock_column() -> str:
    """Return the same clock as one more column, `clock`, of a statement of plain SQL; none on SQLite."""
    return ", clock_timestamp() AS clock" if connection.vendor == "postgresql" else ""
