"""Read whole rows by plain SQL, where a refund waits.

The ORM compiles the names of 50 columns at each use, and `Model.objects.raw` matches them with the fields at each use.
Either takes longer than all the rest of the statement, so this remembers how columns and fields match.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Match the columns of a result, by their index in it, with the fields of a model."""

    names: Sequence[str]
    indexes: Sequence[int]
    others: Sequence[tuple[str, int]]
    converters: Sequence[tuple[int, Callable[..., Any], Any]]


def rows_of(model: type[_Row], sql: str, params: Sequence[Any] = ()) -> list[_Row]:
    """Return what `model.objects.raw(sql, params)` does: columns without a field become attributes of that name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
        if not found:
            return []
        columns = tuple([column[0] for column in cursor.description])
    layout = _layout(model, columns, connection.vendor)
    return [_made(model, layout, list(row)) for row in found]


def _made(model: type[_Row], layout: _Layout, row: list[Any]) -> _Row:
    for index, convert, expression in layout.converters:
        row[index] = convert(row[index], expression, connection)
    made = model.from_db(connection.alias, layout.names, [row[index] for index in layout.indexes])
    for name, index in layout.others:
        setattr(made, name, row[index])
    return made


@cache
def _layout(model: type[Model], columns: tuple[str, ...], _vendor: str) -> _Layout:
    """Match these columns with the model's fields, once per process.

    `_vendor` is that of the connection: SQLite's values are converted, most of PostgreSQL's are not. The converters
    may be methods of the first thread's connection; they read only settings, which are the same in all threads.
    """
    index: dict[str | None, int] = {column: at for at, column in enumerate(columns)}
    fields = [field for field in model._meta.concrete_fields if field.column in index]  # noqa: SLF001
    compiler = model._base_manager.all().query.get_compiler(connection=connection)  # noqa: SLF001
    converters = compiler.get_converters([field.get_col(field.model._meta.db_table) for field in fields])  # noqa: SLF001
    known = {field.column for field in fields}
    return _Layout(
        names=[field.attname for field in fields],
        indexes=[index[field.column] for field in fields],
        others=[(column, index[column]) for column in columns if column not in known],
        converters=[
            (index[fields[at].column], convert, expression)
            for at, (converts, expression) in converters.items()
            for convert in converts
        ],
    )
