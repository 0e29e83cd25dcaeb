"""The overview's chart: what was refunded in won on each of the last days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from core.money import KRW, format_money, format_totals
from payments.models import Payment
from refunds.models import RefundRecord

BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 20, 14, 100


@dataclass(frozen=True, slots=True)
class Day:
    """The total refunded on one day in Asia/Seoul in one currency."""

    day: date
    currency: str
    total: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart: its words, and its bar in SVG units; `left` is where its share of the width begins."""

    left: int
    height: int
    day: str
    total: str
    count: str
    url: str
    step: int = BAR_STEP
    width: int = BAR_WIDTH

    @property
    def label(self) -> str:
        return f"{self.day}: {self.total}" + (f" ({self.count})" if self.count else "")

    @property
    def x(self) -> int:
        return self.left + (self.step - self.width) // 2

    @property
    def y(self) -> int:
        return CHART_HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, and the values at the top and the middle of the axis."""

    bars: list[Bar]
    top: str
    half: str
    zero: str
    most: str
    width: int
    height: int = CHART_HEIGHT

    @property
    def days_with_refunds(self) -> list[Bar]:
        """Return the days that have refunds, the newest first."""
        return [bar for bar in reversed(self.bars) if bar.count]


def ledger_url(**query: str) -> str:
    return reverse("admin:refunds_refundrecord_changelist", query=query)


def refunded_url(first: date, **query: str) -> str:
    """Return the list of what was really refunded since this day in Asia/Seoul."""
    return ledger_url(status="succeeded", cancelled_at_from=str(first), test="no", **query)


def midnight(day: date) -> datetime:
    """Return the start of this day in Asia/Seoul."""
    return timezone.make_aware(datetime.combine(day, time.min))


def count_text(count: int) -> str:
    return ngettext("%(count)s refund", "%(count)s refunds", count) % {"count": count}


def refunded_since(first: date) -> list[Day]:
    """Sum up per day and currency what i'mport refunded since this day, without test payments.

    Each payment is looked up by its key: for a join, PostgreSQL reads the whole table.
    """
    real = Payment.objects.real().filter(pk=OuterRef("payment")).order_by()
    rows = (
        RefundRecord.objects.succeeded()
        .filter(cancelled_at__gte=midnight(first))
        .order_by()
        .annotate(day=TruncDate("cancelled_at"), currency=Subquery(real.values("currency")))
        .values_list("day", "currency")
        .annotate(total=Sum(F("cancelled_amount") - F("reversed_amount")), count=Count("pk"))
    )
    return [Day(*row) for row in rows if row[1] is not None]


def chart_of(days: list[Day], today: date, length: int) -> Chart | None:
    """Return the chart of the won refunded on each of the last days; None if there were none."""
    most = max((day.total for day in days if day.currency == KRW), default=Decimal(0))
    if most <= 0:
        return None
    top = _round_up(most)
    shown = [today - timedelta(days=back) for back in reversed(range(length))]
    top_text, half, zero = (format_money(amount, KRW) for amount in (top, top / 2, Decimal(0)))
    bars = [_bar(place, day, [one for one in days if one.day == day], top) for place, day in enumerate(shown)]
    return Chart(bars, top_text, half, zero, format_money(most, KRW), length * BAR_STEP)


def _round_up(amount: Decimal) -> Decimal:
    """Return the next of 2, 4, 6, 8, 10, 20, 40 and so on: its half is a whole number of won, and easy to read."""
    unit = Decimal(10) ** amount.adjusted()
    return next(unit * step for step in (2, 4, 6, 8, 10) if unit * step >= amount)


def _bar(place: int, day: date, refunded: list[Day], top: Decimal) -> Bar:
    """Return a day's bar, of its won; its words name all currencies."""
    won = sum((one.total for one in refunded if one.currency == KRW), Decimal(0))
    height = max(int(won * CHART_HEIGHT / top), 2 if won else 0)
    count = count_text(sum(one.count for one in refunded)) if refunded else ""
    url = refunded_url(day, cancelled_at_to=str(day))
    return Bar(place * BAR_STEP, height, f"{day:%Y-%m-%d}", totals_text(refunded), count, url)


def totals_text(days: Iterable[Day]) -> str:
    """Format the sums of each currency; zero won if there is nothing."""
    return " + ".join(format_totals([(day.total, day.currency) for day in days] or [(Decimal(0), KRW)]))
