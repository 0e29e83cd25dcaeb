"""A database that is down, read-only or full: recognize it, and say so in one line."""

from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

# The statement itself is wrong: trying again does not help.
_BUGS_OF_OURS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


class ReadOnlyDatabase(OperationalError):
    """The database answers but takes no writes: a standby, or a server set to read-only."""


def is_outage(exc: BaseException) -> bool:
    """Return whether the database failed, and not a statement of ours."""
    return isinstance(exc, DatabaseError) and not isinstance(exc, _BUGS_OF_OURS)


def describe_outage(exc: BaseException) -> str:
    """Return one line for an operator."""
    return _("The database cannot be used: %(error)s") % {"error": str(exc).partition("\n")[0].strip()}


def ensure_writable() -> None:
    """Raise a database error unless the database accepts writes; `ReadOnlyDatabase` if it says so. Changes nothing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            if cursor.fetchone() == ("on",):
                raise ReadOnlyDatabase("it is read-only")
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # SQLite begins a "write" transaction on a read-only file without an error, and only a write shows it.
            cursor.execute("PRAGMA user_version")
            cursor.execute(f"PRAGMA user_version = {cursor.fetchone()[0]:d}")
            transaction.set_rollback(True)
    except OperationalError as exc:
        if "readonly" in str(exc):
            raise ReadOnlyDatabase("it is read-only") from exc
        raise
