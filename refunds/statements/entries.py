"""The single movements of a month: the stored entries of a closed one, else what the ledger shows now."""

from collections.abc import Iterator
from datetime import date, datetime
from heapq import merge, nsmallest
from itertools import chain
from typing import Any

from django.db.models import QuerySet

from core.database.chunks import in_chunks
from payments.models import Payment
from refunds.models import StatementEntry, StatementMonth
from refunds.statements.months import Period, period_of
from refunds.statements.movements import PREFIX, paid, refunded, reversed_entries

_CHUNK = 500
_OF_PAYMENT = ("merchant_uid", "imp_uid", "buyer_name", "currency")
_OF_REFUND = ("number", "cancellation_id", *(f"payment__{name}" for name in _OF_PAYMENT))
_PLAIN = ("at", "pg_provider", "pay_method", "currency", "amount", "fee", "vat", "tax_free", "kind")


def entries_of(month: date) -> Iterator[StatementEntry]:
    """Yield every movement of the month by date, each with its payment and refund.

    Those of an open month are not stored.
    """
    closed = StatementMonth.objects.filter(month=month).first()
    if closed is not None:
        stored = StatementEntry.objects.filter(month=closed).order_by("at", "id")
        yield from in_chunks(_with_order(stored), _CHUNK)
        return
    period = period_of(month)
    queries = (rows.order_by(f"{PREFIX}at", "pk") for rows in (*paid(period), *refunded(period)))
    yield from merge(*map(_unsaved, queries), sorted(reversed_entries(period), key=_date), key=_date)


def earlier_entries(month: date, most: int) -> list[StatementEntry]:
    """Return the earliest movements with a date before the month, at most so many: booked when theirs was closed."""
    closed = StatementMonth.objects.filter(month=month).first()
    if closed is not None:
        stored = StatementEntry.objects.filter(month=closed, at__lt=Period(month).start)
        return list(_with_order(stored).order_by("at", "id")[:most])
    period = period_of(month)
    late = (rows for queries in (paid(period), refunded(period)) for rows in queries[1:])
    found = chain(*(_unsaved(_earliest(rows, most)) for rows in late), reversed_entries(period))
    return nsmallest(most, (entry for entry in found if entry.at < period.start), key=_date)


def _date(entry: StatementEntry) -> datetime:
    return entry.at


def _earliest(rows: QuerySet[Any], most: int) -> QuerySet[Any]:
    """Keep the earliest of these payments or refunds."""
    keys = rows.order_by(f"{PREFIX}at", "pk").values_list("pk", flat=True)[:most]
    return rows.filter(pk__in=list(keys))


def _with_order(stored: QuerySet[StatementEntry]) -> QuerySet[StatementEntry]:
    return stored.select_related("payment", "refund")


def _unsaved(rows: QuerySet[Any]) -> Iterator[StatementEntry]:
    """Yield these payments or refunds as entries."""
    rows = rows.only(*_OF_PAYMENT) if rows.model is Payment else rows.select_related("payment").only(*_OF_REFUND)
    for row in in_chunks(rows, _CHUNK):
        payment, refund = (row, None) if isinstance(row, Payment) else (row.payment, row)
        values = {name: getattr(row, f"{PREFIX}{name}") for name in _PLAIN}
        yield StatementEntry(payment=payment, refund=refund, **values)
