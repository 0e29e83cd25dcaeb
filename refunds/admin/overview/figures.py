"""The figures of a period, read in one pass per table and kept in the cache: a minute, or ten to compare with.

A refund counts on the day that i'mport executed it, a failed one on the day it failed, a payment on the day it was
paid; Asia/Seoul. Test payments count nowhere. Sums are net: without what was taken back later (reversals).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Case, Count, F, OuterRef, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Concat, TruncDate
from django.utils import timezone

from core.cache import CACHE_ERRORS
from core.database.plans import many_lookups
from core.money import DECIMAL_PLACES
from payments.models import Payment
from refunds.admin.overview.period import Period
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus

CACHE_SECONDS = 60
COMPARED_SECONDS = 600  # what ended before the period that is shown hardly changes
_VERSION = 1  # of what the cache holds
_MARK = "\x1f"  # between them; no text of i'mport has it
# Refunds are grouped by these; `place` is the payment's currency, method and PG.
_KEYS = ("place", "status", "source", "person", "api_token_id", "reason_code", "fault", "refusal_class")
_COLUMNS = ("day", *_KEYS, "net", "reversed_amount", "took")

_SQL = """
WITH ended ({columns}) AS ({ended}),
here AS (
    SELECT took, ROW_NUMBER() OVER (ORDER BY took) AS place_in_line, COUNT(*) OVER () AS line
    FROM ended WHERE place IS NOT NULL AND status = 'succeeded' AND source <> 'console'
)
SELECT 'took', CAST(NULL AS text), {no_keys},
    COALESCE(MAX(line), 0), CAST(NULL AS numeric), CAST(NULL AS numeric), AVG(took)
    FROM here WHERE place_in_line IN ((line + 1) / 2, (line + 2) / 2)
UNION ALL
SELECT 'day', CAST(day AS text), SUBSTR(place, 1, 3), status, {no_more_keys},
    COUNT(*), SUM(net), SUM(reversed_amount), NULL
    FROM ended WHERE place IS NOT NULL GROUP BY day, SUBSTR(place, 1, 3), status
"""
_GROUPS = """
UNION ALL
SELECT 'group', NULL, {texts}, COUNT(*), SUM(net), SUM(reversed_amount), NULL
    FROM ended WHERE place IS NOT NULL GROUP BY {keys}
"""


@dataclass(frozen=True, slots=True)
class Day:
    """The refunds of one day, currency and outcome. `total` is net of `taken_back`."""

    day: date
    currency: str
    status: str
    count: int
    total: Decimal
    taken_back: Decimal


@dataclass(frozen=True, slots=True)
class Group:
    """The refunds of the period that have all these in common. `person` is the account that asked in the admin."""

    currency: str
    method: str
    pg: str
    status: str
    source: str
    person: str
    token: str
    reason: str
    fault: str
    refusal: str
    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Paid:
    """Hold what was paid in the period in one currency."""

    currency: str
    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period. `took` is the median time of the `timed` refunds, which were asked here.

    Two of the same period are equal if they were read at the same times: the refunds and the payments.
    """

    days: list[Day] = field(compare=False)
    groups: list[Group] = field(compare=False)
    paid: list[Paid] = field(compare=False)
    took: timedelta | None
    timed: int
    read_at: tuple[datetime, datetime]

    @property
    def at(self) -> datetime:
        return min(self.read_at)

    def count(self, status: RefundStatus) -> int:
        return sum(day.count for day in self.days if day.status == status)

    def refunded(self) -> dict[str, Decimal]:
        """Return what was refunded by currency, net."""
        return self._sums("total")

    def taken_back(self) -> dict[str, Decimal]:
        return {currency: total for currency, total in self._sums("taken_back").items() if total}

    def _sums(self, name: str) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for day in self.days:
            if day.status == RefundStatus.SUCCEEDED:
                sums[day.currency] = sums.get(day.currency, Decimal(0)) + getattr(day, name)
        return sums


def figures_of(period: Period) -> Figures:
    """Return the figures of the period that is shown: of refunds as they are now, of payments a minute old at most."""
    latest = [
        model.objects.order_by("-pk").values_list("pk", flat=True).first() for model in (RefundRecord, RefundEvent)
    ]
    refunds = _kept(f"refunds:{latest}", period, lambda: _refunds(period, with_groups=True))
    return _figures(period, refunds)


def totals_of(period: Period) -> Figures:
    """Return the figures of a period to compare with, without groups: ten minutes old at most."""
    refunds = _kept("totals", period, lambda: _refunds(period, with_groups=False), COMPARED_SECONDS)
    return _figures(period, refunds, COMPARED_SECONDS)


def _figures(period: Period, refunds: dict[str, Any], seconds: int = CACHE_SECONDS) -> Figures:
    paid = _kept(f"paid:{seconds}", period, lambda: _paid(period), seconds)
    took = refunds["took"]
    return Figures(
        days=[_day(row) for row in refunds["days"]],
        groups=[_group(row) for row in refunds["groups"]],
        paid=[Paid(currency, count, Decimal(total)) for currency, count, total in paid["rows"]],
        took=None if took is None else timedelta(seconds=max(0, took)),
        timed=refunds["timed"],
        read_at=(datetime.fromisoformat(refunds["at"]), datetime.fromisoformat(paid["at"])),
    )


def _kept(
    name: str, period: Period, read: Callable[[], dict[str, Any]], seconds: int = CACHE_SECONDS
) -> dict[str, Any]:
    """Return what the cache has under this name for the period; else read it, and keep it there."""
    key = f"overview:{_VERSION}:{period.first}:{period.last}:{name}".replace(" ", "")
    try:
        found = cache.get(key)
    except CACHE_ERRORS:
        return {**read(), "at": timezone.now().isoformat()}
    if isinstance(found, dict):
        return found
    made = {**read(), "at": timezone.now().isoformat()}
    with suppress(*CACHE_ERRORS):
        cache.set(key, made, seconds)
    return made


def _paid(period: Period) -> dict[str, Any]:
    payments = Payment.objects.real().paid_in(period.start, period.end)
    paid = payments.order_by().values_list("currency").annotate(count=Count("*"), total=Sum("amount"))
    return {"rows": [(currency, count, str(total)) for currency, count, total in paid]}


def _refunds(period: Period, *, with_groups: bool) -> dict[str, Any]:
    """Read the refunds that ended in the period: per day, per group, and the median of their times."""
    ended, params = _ended(period).query.sql_with_params()
    nulls = ["CAST(NULL AS text)"] * len(_KEYS)
    sql = (_SQL + (_GROUPS if with_groups else "")).format(
        columns=", ".join(_COLUMNS),
        ended=ended,
        no_keys=", ".join(nulls),
        no_more_keys=", ".join(nulls[2:]),
        texts=", ".join(f"CAST({key} AS text)" for key in _KEYS),
        keys=", ".join(_KEYS),
    )
    with many_lookups(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    parts: dict[str, list[Any]] = {"took": [], "day": [], "group": []}
    for part, day, *keys, count, net, taken_back, took in rows:
        values = [str(key) if key is not None else "" for key in keys]
        parts[part].append([day, *values, count, _text(net), _text(taken_back), took])
    [[*_nothing, timed, _net, _taken_back, took]] = parts["took"]
    return {"days": parts["day"], "groups": parts["group"], "timed": timed, "took": _seconds(took)}


def _ended(period: Period) -> Any:
    """Return the columns of the refunds that succeeded or failed in the period.

    Each payment is looked up by its key, once: for a join, PostgreSQL reads the whole table. It is null for a test.
    """
    records = RefundRecord.objects.refunded_between(period.start, period.end)
    records |= RefundRecord.objects.failed_between(period.start, period.end)
    at = Coalesce("cancelled_at", "settled_at")
    mark = Value(_MARK)
    place = Concat("currency", mark, "pay_method", mark, "pg_provider")
    payment = Payment.objects.real().filter(pk=OuterRef("payment")).order_by().values_list(place)
    asked_in_admin = Case(When(source=RefundSource.ADMIN, then=F("requested_by")))
    return (
        records.order_by()
        .annotate(
            day=TruncDate(at),
            place=Subquery(payment),
            person=asked_in_admin,
            net=F("cancelled_amount") - F("reversed_amount"),
            took=at - F("requested_at"),
        )
        .values_list(*_COLUMNS)
    )


def _day(row: Sequence[Any]) -> Day:
    day, currency, status, *_none, count, total, taken_back, _took = row
    return Day(date.fromisoformat(day), currency, status, count, Decimal(total), Decimal(taken_back))


def _group(row: Sequence[Any]) -> Group:
    _day, place, status, source, person, token, reason, fault, refusal, count, total, _taken_back, _took = row
    currency, method, pg = place.split(_MARK, 2)
    return Group(currency, method, pg, status, source, person, token, reason, fault, refusal, count, Decimal(total))


def _text(amount: Any) -> str:
    """Return a sum exactly. SQLite adds up binary numbers: the sum of amounts of three decimals has three."""
    return str(round(Decimal(str(amount or 0)), DECIMAL_PLACES))


def _seconds(took: Any) -> float | None:
    """Return a length of time in seconds. SQLite has it in microseconds."""
    if took is None:
        return None
    return took.total_seconds() if isinstance(took, timedelta) else float(took) / 1_000_000
