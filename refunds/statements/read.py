"""Read the statement of a month: computed from the ledger while the month is open, as it was frozen afterwards."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, Q, QuerySet, Sum

from core.database.plans import many_lookups
from core.money import KRW
from payments.models import Payment
from refunds.models import (
    LIVE_STATUSES,
    MovementKind,
    RefundRecord,
    RefundSource,
    RefundStatus,
    StatementEntry,
    StatementMonth,
)
from refunds.statements.comparison import Comparison, last_comparison
from refunds.statements.lines import Key, Line, Movements, Sums, totals
from refunds.statements.months import Period, first_open_month, period_of, state_of
from refunds.statements.movements import PREFIX, paid, refunded, reversed_entries

ZERO = Decimal(0)
_CHUNK = 500
_KEY = ("pg_provider", "pay_method", "currency")
# A cancel that was found at i'mport was never open here.
_REQUESTED_HERE = [source.value for source in RefundSource if source != RefundSource.CONSOLE]


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold what was paid, refunded and reversed in a month, by PG, method and currency."""

    month: date
    lines: tuple[Line, ...]
    comparison: Comparison
    closed: StatementMonth | None = None
    first_open: date | None = None

    @property
    def start(self) -> datetime:
        return Period(self.month).start

    @property
    def totals(self) -> list[Line]:
        """Return the sum of the lines, by currency."""
        return totals(self.lines)

    @property
    def state(self) -> str:
        return state_of(self.month, self.closed, self.first_open)

    @property
    def fingerprint(self) -> str:
        """Return a hash of what moved: who closes the month sends it back."""
        return fingerprint_of(self.lines)


def statement_of(month: date) -> Statement:
    """Return the statement of this month."""
    closed = StatementMonth.objects.filter(month=month).first()
    if closed is not None:
        return closed_statement(closed)
    period = period_of(month)
    executed = Q(status=RefundStatus.SUCCEEDED, cancelled_at__lt=period.end)
    with many_lookups():
        lines = with_open_refunds(_computed(period), period, refunded=executed)
    return Statement(month, lines, last_comparison(period), first_open=first_open_month())


def closed_statement(closed: StatementMonth) -> Statement:
    """Return the statement as it was frozen."""
    lines = tuple(map(Line.from_json, closed.lines))
    return Statement(closed.month, lines, Comparison.from_json(closed.comparison), closed)


def fingerprint_of(lines: Iterable[Line]) -> str:
    """Return a hash of the lines without the open refunds, which may change before the month is closed."""
    moved = [replace(line, open=Sums()) for line in lines]
    stated = sorted(json.dumps(line.as_json(), sort_keys=True) for line in moved if not line.is_empty)
    return hashlib.sha256("\n".join(stated).encode()).hexdigest()[:32]


def _computed(period: Period) -> list[Line]:
    """Return the lines of an open month, without the open refunds."""
    sums = _Collected()
    for kind, queries in ((MovementKind.PAID, paid(period)), (MovementKind.REFUNDED, refunded(period))):
        for place, rows in enumerate(queries):
            sums.add_rows(kind, rows, PREFIX, are_late=place > 0)
    for entry in reversed_entries(period):
        sums.add_entry(entry, is_late=entry.at < period.start)
    return sums.lines()


def lines_of_entries(entries: QuerySet[StatementEntry], period: Period) -> list[Line]:
    """Return what these stored entries add up to, without the open refunds."""
    sums = _Collected()
    for kind in MovementKind:
        of_kind = entries.filter(kind=kind)
        sums.add_rows(kind, of_kind.filter(at__gte=period.start), are_late=False)
        sums.add_rows(kind, of_kind.filter(at__lt=period.start), are_late=True)
    return sums.lines()


class _Collected:
    """Lines under way: the movements of each kind by PG, method and currency."""

    def __init__(self) -> None:
        self._movements: dict[Key, dict[MovementKind, Movements]] = {}

    def add_rows(self, kind: MovementKind, rows: QuerySet[Any], prefix: str = "", *, are_late: bool) -> None:
        """Add the sums of these rows, whose columns are those of an entry behind the prefix."""
        vat, amount = f"{prefix}vat", f"{prefix}amount"
        sums = {
            "sum_amount": Sum(amount),
            "sum_fee": Sum(f"{prefix}fee"),
            "sum_parted": Sum(amount, filter=Q(**{f"{vat}__isnull": False})),
            "sum_vat": Sum(vat),
            "sum_tax_free": Sum(f"{prefix}tax_free"),
        }
        key = [f"{prefix}{name}" for name in _KEY]
        for row in rows.order_by().values(*key).annotate(how_many=Count("pk"), **sums):
            amounts = [row[name] or ZERO for name in sums]
            self._add((row[key[0]], row[key[1]], row[key[2]]), kind, row["how_many"], amounts, is_late=are_late)

    def add_entry(self, entry: StatementEntry, *, is_late: bool) -> None:
        parted = ZERO if entry.vat is None else entry.amount
        amounts = [entry.amount, entry.fee, parted, entry.vat or ZERO, entry.tax_free or ZERO]
        key = (entry.pg_provider, entry.pay_method, entry.currency)
        self._add(key, MovementKind(entry.kind), 1, amounts, is_late=is_late)

    def _add(self, key: Key, kind: MovementKind, count: int, amounts: list[Decimal], *, is_late: bool) -> None:
        sums = Sums(count, amounts[0])
        more = Movements(sums, sums if is_late else Sums(), *amounts[1:])
        of_key = self._movements.setdefault(key, {})
        of_key[kind] = of_key.get(kind, Movements()) + more

    def lines(self) -> list[Line]:
        return [
            Line(
                *key,
                paid=of_key.get(MovementKind.PAID, Movements()),
                refunded=of_key.get(MovementKind.REFUNDED, Movements()),
                reversed=of_key.get(MovementKind.REVERSED, Movements()),
            )
            for key, of_key in self._movements.items()
        ]


def with_open_refunds(lines: Iterable[Line], period: Period, *, refunded: Q | Exists) -> tuple[Line, ...]:
    """Return the lines with the refunds that were requested before the month's end and not settled by then.

    `refunded` are those that a month counts already: i'mport may execute a refund before the end, and we book it after.
    """
    by_key = {line.key: line for line in lines}
    waiting = RefundRecord.objects.filter(~refunded, requested_at__lt=period.end)
    waiting = waiting.filter(Q(status__in=LIVE_STATUSES) | Q(settled_at__gte=period.end, source__in=_REQUESTED_HERE))
    # Few, which PostgreSQL does not foresee: joined, it would read all payments.
    amounts = list(waiting.order_by().values_list("payment_id", "amount"))
    keys = _keys_of({payment for payment, _amount in amounts})
    for payment, amount in amounts:
        if payment in keys:
            line = by_key.get(keys[payment], Line(*keys[payment]))
            by_key[line.key] = replace(line, open=line.open + Sums(1, amount))
    in_order = sorted(by_key.values(), key=lambda line: (line.currency != KRW, line.currency, *line.key))
    return tuple(line for line in in_order if not line.is_empty)


def _keys_of(payments: Collection[int]) -> dict[int, Key]:
    """Return PG, method and currency of these payments; test payments are left out."""
    found: dict[int, Key] = {}
    wanted = sorted(payments)
    for start in range(0, len(wanted), _CHUNK):
        chunk = Payment.objects.real().filter(pk__in=wanted[start : start + _CHUNK]).order_by()
        found |= {pk: (pg, method, currency) for pk, pg, method, currency in chunk.values_list("pk", *_KEY)}
    return found
