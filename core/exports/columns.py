"""Columns of an exported table: their titles, and how to read their values."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, override

from core.exports.cells import Cell, Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column: its title, how to read its value, and whether it is a time."""

    title: str | Promise
    value: Callable[[T], Cell]
    is_time: bool = False

    @property
    def heading(self) -> str:
        return f"{capfirst(str(self.title))} (KST)" if self.is_time else capfirst(str(self.title))


def table(
    columns: Sequence[Column[T]],
    records: Iterable[T],
    more_headings: Iterable[str | Promise] = (),
    more_cells: Callable[[T], list[str]] | None = None,
) -> Iterator[Row]:
    """Yield the headings, then one row per record."""
    language = get_language()  # the rows are written after the request, when another language may be active
    with override(language):
        headings = [*(column.heading for column in columns), *map(str, more_headings)]
    yield headings
    for record in records:
        with override(language):
            more = more_cells(record) if more_cells else []
            row = [*(column.value(record) for column in columns), *more]
        yield row
