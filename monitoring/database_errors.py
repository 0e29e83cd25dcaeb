"""Cut database errors to their first line: the others contain the rejected row or the statement with its values."""

from collections.abc import Callable
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def shorten_errors() -> None:
    """Shorten the errors of every connection opened from now on."""
    connection_created.connect(_wrap)


def _wrap(connection: BaseDatabaseWrapper, **_more: Any) -> None:
    # A reopened connection keeps its wrappers. Inserted first, because tests and libraries remove the last one.
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
