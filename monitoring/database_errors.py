"""What a database says of an error: its first line. The others have the row, or the statement, that it was about.

The log leaves these out by itself (`config.logs`), but errors also end on a command's standard error, or in a mail.
"""

from collections.abc import Callable
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def shorten_errors() -> None:
    """From now on, on every connection."""
    connection_created.connect(_wrap)


def _wrap(connection: BaseDatabaseWrapper, **_more: Any) -> None:
    # A connection that comes back keeps its wrappers. First in the list, as tests and libraries take away the last.
    if _shortened not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _shortened)


def _shortened(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    try:
        return execute(sql, params, many, context)
    except Error as exc:
        for error in (exc, exc.__cause__):
            if error is not None:
                error.args = tuple(said.partition("\n")[0] if isinstance(said, str) else said for said in error.args)
        raise
