"""The overview's chart: what was refunded per day, week or month of a period, in one currency."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import add_months
from core.money import fits_precision, format_money
from refunds.admin.overview.breakdown import currencies_first
from refunds.admin.overview.figures import Figures
from refunds.admin.overview.links import ended_url
from refunds.admin.overview.period import Period
from refunds.models import RefundStatus

HEIGHT = 160  # px
_MOST_DAYS, _MOST_WEEKS = 45, 26  # bars; beyond them, the bars are weeks, then months
_MOST_DATES = 7  # below the bars
_MOST_VALUES = 8  # bars that have their value above them
_STEPS = (1, 2, 4, 6, 8, 10, 20, 40)  # ends of the axis, times a power of ten


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its words, its list, and its place: `left` and `width` in percent, `height` in px."""

    first: date
    last: date
    total: str
    count: int
    url: str
    left: float
    step: float
    height: float
    date: str  # what stands below the bar; mostly nothing

    @property
    def name(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} – {self.last}"

    @property
    def count_text(self) -> str:
        return count_text(self.count)

    @property
    def label(self) -> str:
        return f"{self.name}: {self.total}" + (f" ({self.count_text})" if self.count else "")

    @property
    def x(self) -> float:
        return round(self.left + self.step / 6, 3)

    @property
    def width(self) -> float:
        return round(self.step * 2 / 3, 3)

    @property
    def middle(self) -> float:
        return round(self.left + self.step / 2, 3)

    @property
    def y(self) -> float:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of a currency; `ticks` are the values of the axis from its top, with their heights."""

    currency: str
    title: str
    bars: list[Bar]
    ticks: Sequence[tuple[str, float]]
    most: str
    height: int = HEIGHT

    @property
    def with_refunds(self) -> list[Bar]:
        """Return the bars that have refunds, the newest first."""
        return [bar for bar in reversed(self.bars) if bar.count]

    @property
    def shows_values(self) -> bool:
        return len(self.bars) <= _MOST_VALUES


def count_text(count: int) -> str:
    return ngettext("%(count)s refund", "%(count)s refunds", count) % {"count": f"{count:,}"}


def charts_of(figures: Figures, period: Period) -> list[Chart]:
    """Return a chart per currency that has refunds, won first; none for a single day."""
    if period.days == 1:
        return []
    spans = list(_spans(period))
    return [_chart(figures, spans, currency) for currency in currencies_first(figures.refunded())]


def _spans(period: Period) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each bar. Weeks begin on Monday; the period cuts the first and the last bar."""
    first = period.first
    while first <= period.last:
        if period.days <= _MOST_DAYS:
            last = first
        elif period.days <= _MOST_WEEKS * 7:
            last = first + timedelta(days=6 - first.weekday())
        else:
            last = add_months(first.replace(day=1), 1) - timedelta(days=1)
        yield first, min(last, period.last)
        first = last + timedelta(days=1)


def _chart(figures: Figures, spans: list[tuple[date, date]], currency: str) -> Chart:
    sums = _sums(figures, spans, currency)
    most = max(total for total, _count in sums)
    top = _end_of_axis(most, currency)
    step, every = 100 / len(spans), -(-len(spans) // _MOST_DATES)
    bars = [
        Bar(
            first,
            last,
            format_money(total, currency),
            count,
            ended_url(RefundStatus.SUCCEEDED, first, last, currency=currency),
            left=round(place * step, 3),
            step=round(step, 3),
            height=max(round(float(total / top) * HEIGHT, 1), 1.0 if total else 0.0),
            date="" if place % every else _date(first, spans),
        )
        for place, ((first, last), (total, count)) in enumerate(zip(spans, sums, strict=True))
    ]
    ticks = [(format_money(top * part / 4, currency), HEIGHT * (4 - part) / 4) for part in (4, 3, 2, 1, 0)]
    return Chart(currency, _title(spans), bars, ticks, format_money(most, currency))


def _sums(figures: Figures, spans: list[tuple[date, date]], currency: str) -> list[tuple[Decimal, int]]:
    """Return the sum and the number of refunds of each bar."""
    starts = [first for first, _last in spans]
    totals, counts = [Decimal(0)] * len(spans), [0] * len(spans)
    for day in figures.days:
        if day.status == RefundStatus.SUCCEEDED and day.currency == currency:
            place = bisect_right(starts, day.day) - 1
            totals[place] += day.total
            counts[place] += day.count
    return list(zip(totals, counts, strict=True))


def _title(spans: list[tuple[date, date]]) -> str:
    longest = max((last - first).days for first, last in spans)
    return _("Refunded per month") if longest > 6 else _("Refunded per week") if longest else _("Refunded per day")


def _date(first: date, spans: list[tuple[date, date]]) -> str:
    has_years = (spans[-1][1] - spans[0][0]).days > _MOST_WEEKS * 7
    return f"{first:%Y-%m}" if has_years else f"{first:%m-%d}"


def _end_of_axis(most: Decimal, currency: str) -> Decimal:
    """Return a round amount that is at least `most`, and whose quarters are amounts of the currency, too."""
    unit = Decimal(10) ** (most.adjusted() if most else 0)
    ends = (unit * step for step in _STEPS)
    return next(end for end in ends if end >= most and fits_precision((end / 4).normalize(), currency))
