"""Columns of an exported table: their titles, how to read their values, and their totals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from core.exports.cells import Cell, Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column: its title, how to read its value, whether it is a time, and whether `Totals` add it up."""

    title: str | Promise
    value: Callable[[T], Cell]
    is_time: bool = False
    is_summed: bool = False

    @property
    def heading(self) -> str:
        return f"{capfirst(str(self.title))} (KST)" if self.is_time else capfirst(str(self.title))


@dataclass(slots=True)
class Totals(Generic[T]):
    """The sums of some columns by currency. `currency` returns "" for a record that counts in no sum."""

    columns: Sequence[Column[T]]
    currency: Callable[[T], str]
    _sums: dict[str, list[Decimal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = [column for column in self.columns if column.is_summed]

    def add(self, record: T) -> None:
        currency = self.currency(record)
        if not currency:
            return
        sums = self._sums.setdefault(currency, [Decimal(0)] * (len(self.columns) + 1))
        values = [Decimal(1), *(column.value(record) for column in self.columns)]
        self._sums[currency] = [
            total + (value if isinstance(value, Decimal) else 0) for total, value in zip(sums, values, strict=True)
        ]

    def rows(self) -> Iterator[Row]:
        """Yield the headings, then one row per currency with the number of records and the sums."""
        yield [capfirst(str(_("currency"))), str(_("Rows")), *(column.heading for column in self.columns)]
        for currency, sums in sorted(self._sums.items()):
            yield [currency, *sums]


@dataclass(frozen=True, slots=True)
class Table:
    """A table to export, and its totals, to be called after the last row."""

    rows: Iterator[Row]
    totals: Callable[[], Iterator[Row]]


def table(
    columns: Sequence[Column[T]],
    records: Iterable[T],
    more_headings: Iterable[str | Promise] = (),
    more_cells: Callable[[T], list[str]] | None = None,
    totals: Totals[T] | None = None,
) -> Iterator[Row]:
    """Yield the headings, then one row per record. What the rows add up to goes to `totals`."""
    language = get_language()  # the rows are written after the request, when another language may be active
    with override(language):
        headings = [*(column.heading for column in columns), *map(str, more_headings)]
    yield headings
    for record in records:
        if totals:
            totals.add(record)
        with override(language):
            more = more_cells(record) if more_cells else []
            row = [*(column.value(record) for column in columns), *more]
        yield row
