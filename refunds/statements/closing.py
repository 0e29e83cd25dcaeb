"""Close a month: freeze its movements and totals, so that what is booked later goes to the next one."""

import logging
from collections.abc import Iterable
from datetime import date
from itertools import chain
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from core import clock
from core.database.plans import many_lookups
from refunds.inputs import Actor, printable
from refunds.models import MovementKind, StatementEntry, StatementMonth
from refunds.statements.comparison import last_comparison
from refunds.statements.errors import MonthAlreadyClosed, MonthChanged, MonthDiffers, MonthNotNext, MonthNotOver
from refunds.statements.lines import Line
from refunds.statements.months import Period, first_open_month, period_of
from refunds.statements.movements import COLUMNS, NAMES, paid, refunded, reversed_entries
from refunds.statements.read import fingerprint_of, lines_of_entries, with_open_refunds

logger = logging.getLogger(__name__)

MAX_NOTE_LENGTH = 500
_CHUNK = 1000


def close_month(
    *, month: date, actor: Actor, note: str = "", despite_difference: bool = False, seen: str = ""
) -> StatementMonth:
    """Close a month and return it. Each movement gets into one closed month, whatever is booked at this moment.

    A movement that this closing does not see yet belongs to the next month. `seen` is the fingerprint of the statement
    that the actor was shown; "" if none was. Raises a subclass of `MonthNotClosed`, and has written nothing then.
    """
    if StatementMonth.objects.filter(month=month).exists():
        raise MonthAlreadyClosed
    if (first := first_open_month()) != month:
        raise MonthNotNext(first)
    period = period_of(month)
    if not period.is_over:
        raise MonthNotOver
    comparison = last_comparison(period)
    if not (comparison.agrees or despite_difference):
        raise MonthDiffers
    closed_at = clock.database_now()  # before the movements are read: see `months.OVERLAP`
    try:
        with transaction.atomic(durable=True), many_lookups():
            _write_entries(period)
            # The totals are those of the entries, not of a second look at the ledger.
            moved = lines_of_entries(StatementEntry.objects.filter(month=month), period)
            if seen and fingerprint_of(moved) != seen:
                raise MonthChanged
            closed = StatementMonth.objects.create(
                month=month,
                closed_at=closed_at,
                closed_by=actor.user,
                closed_by_name=actor.name,
                note=printable(note)[:MAX_NOTE_LENGTH],
                despite_difference=not comparison.agrees,
                lines=_lines_to_store(moved, period),
                comparison=comparison.as_json(),
            )
    except IntegrityError as exc:  # somebody else closed it meanwhile
        raise MonthAlreadyClosed from exc
    logger.info("month %s closed by %s", closed, actor.name)
    return closed


def _write_entries(period: Period) -> None:
    """Copy the movements of the period; the row of the month, which they refer to, is written after them.

    Day by day: one statement for 100,000 movements would come near the time limit of a statement.
    """
    _check_keys_at_once()
    own = (rows for day in period.days for rows in (*paid(period, day), *refunded(period, day)))
    late = (rows for queries in (paid(period), refunded(period)) for rows in queries[1:])
    for rows in chain(own, late):
        _insert(period.month, rows)
    entries = list(reversed_entries(period))
    for entry in entries:
        entry.month_id = period.month
    StatementEntry.objects.bulk_create(entries, batch_size=_CHUNK)


def _check_keys_at_once() -> None:
    """Have each statement check that its payments and refunds exist, and not COMMIT for all of them at once."""
    if connection.vendor != "postgresql":
        return
    table, month = StatementEntry._meta.db_table, StatementEntry._meta.get_field("month").column  # noqa: SLF001
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
        keys = [name for name, key in found.items() if key["foreign_key"] and key["columns"] != [month]]
        cursor.execute(f"SET CONSTRAINTS {', '.join(map(connection.ops.quote_name, keys))} IMMEDIATE")


def _lines_to_store(moved: Iterable[Line], period: Period) -> list[dict[str, Any]]:
    """Return the lines with the refunds that are open: those that are in no closed month, this one included."""
    counted = StatementEntry.objects.filter(kind=MovementKind.REFUNDED, refund=OuterRef("pk"))
    return [line.as_json() for line in with_open_refunds(moved, period, refunded=Exists(counted))]


def _insert(month: date, rows: QuerySet[Any]) -> None:
    """Write one entry for each row, in the database alone."""
    selected, params = rows.values_list(*NAMES).query.sql_with_params()
    names: Iterable[str] = ("month_id", *COLUMNS)
    columns = ", ".join(connection.ops.quote_name(name) for name in names)
    # The selected columns are those of NAMES, in this order.
    sql = f"INSERT INTO {StatementEntry._meta.db_table} ({columns}) SELECT %s, moved.* FROM ({selected}) AS moved"  # noqa: S608, SLF001
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datefield_value(month), *params])
