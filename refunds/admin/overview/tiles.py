"""The large figures of a period, each with the period before: refunded, refund rate, failed, median time."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.money import KRW, format_money
from refunds.admin.filters import HERE
from refunds.admin.overview.breakdown import currencies_first
from refunds.admin.overview.chart import count_text
from refunds.admin.overview.figures import Figures
from refunds.admin.overview.links import ended_url, paid_url
from refunds.admin.overview.period import Period
from refunds.models import RefundStatus


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its list, what it is of, and what it was in the period before."""

    text: str
    url: str
    note: str
    before: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One kind of figure, by currency where it is money; `hint` says how it is counted."""

    code: str
    title: str
    figures: list[Figure]
    hint: str


def tiles_of(period: Period, now: Figures, before: Figures, *, may_list_payments: bool) -> list[Tile]:
    return [
        Tile("refunded", pgettext("amount", "Refunded"), _refunded(period, now, before), _net_of(now)),
        Tile(
            "rate",
            _("Refund rate"),
            _rates(period, now, before, may_list_payments=may_list_payments),
            _("What was refunded in the period, of what was paid in it. The refunds may be of earlier payments."),
        ),
        Tile(
            "failed",
            str(RefundStatus.FAILED.label),
            [_failed(period, now, before)],
            _("A later try may have succeeded."),
        ),
        Tile(
            "took",
            _("Time to refund (median)"),
            [_took(period, now, before)],
            _("From request to refund; half of them take less. Without those of the i'mport console."),
        ),
    ]


def rate_of(figures: Figures, currency: str) -> Decimal | None:
    """Return refunded by paid, in percent; None if nothing was paid."""
    paid = sum((one.total for one in figures.paid if one.currency == currency), Decimal(0))
    return figures.refunded().get(currency, Decimal(0)) * 100 / paid if paid else None


def _net_of(now: Figures) -> str:
    taken_back = now.taken_back()
    sums = " + ".join(format_money(taken_back[currency], currency) for currency in currencies_first(taken_back))
    if sums:
        return _("Net: %(amount)s of these refunds were reversed later, and are not in the sum.") % {"amount": sums}
    return _("Net: without what was reversed later.")


def _refunded(period: Period, now: Figures, before: Figures) -> list[Figure]:
    sums, earlier = now.refunded(), before.refunded()
    found = []
    for currency in currencies_first([*sums, *earlier]) or [KRW]:
        total, old = (each.get(currency, Decimal(0)) for each in (sums, earlier))
        days = [day for day in now.days if (day.status, day.currency) == (RefundStatus.SUCCEEDED, currency)]
        url = ended_url(RefundStatus.SUCCEEDED, period.first, period.last, currency=currency)
        note = count_text(sum(day.count for day in days))
        found.append(Figure(format_money(total, currency), url, note, _before(format_money(old, currency), total, old)))
    return found


def _rates(period: Period, now: Figures, before: Figures, *, may_list_payments: bool) -> list[Figure]:
    paid = {one.currency: one for one in now.paid}
    found = []
    for currency in currencies_first([*paid, *now.refunded()]) or [KRW]:
        url = paid_url(period, currency) if may_list_payments else ""
        one = paid.get(currency)
        amount = format_money(one.total if one else Decimal(0), currency)
        count = one.count if one else 0
        text = ngettext("of %(amount)s paid (%(count)s payment)", "of %(amount)s paid (%(count)s payments)", count)
        note = text % {"amount": amount, "count": f"{count:,}"}
        found.append(Figure(_percent(rate_of(now, currency)), url, note, _was(_percent(rate_of(before, currency)))))
    return found


def _failed(period: Period, now: Figures, before: Figures) -> Figure:
    count, old = now.count(RefundStatus.FAILED), before.count(RefundStatus.FAILED)
    ended = count + now.count(RefundStatus.SUCCEEDED)
    share = _percent(Decimal(count) * 100 / ended if ended else None)
    note = _("%(share)s of all that ended") % {"share": share}
    url = ended_url(RefundStatus.FAILED, period.first, period.last)
    return Figure(f"{count:,}", url, note, _before(f"{old:,}", Decimal(count), Decimal(old)))


def _took(period: Period, now: Figures, before: Figures) -> Figure:
    url = ended_url(RefundStatus.SUCCEEDED, period.first, period.last, source=HERE)
    return Figure(_length(now.took), url, count_text(now.timed), _was(_length(before.took)))


def _percent(rate: Decimal | None) -> str:
    return "–" if rate is None else f"{rate:.1f}%"


def _length(took: timedelta | None) -> str:
    """Return a length of time in words."""
    if took is None:
        return "–"
    if took < timedelta(seconds=1):
        return _("under 1 second")
    if took < timedelta(minutes=1):
        seconds = int(took.total_seconds())
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    now = timezone.now()
    return timesince(now - took, now)


def _was(text: str) -> str:
    return _("Before: %(figure)s") % {"figure": text}


def _before(text: str, new: Decimal, old: Decimal) -> str:
    """Return the figure before, with the change in percent."""
    return _was(text) + (f" ({(new - old) * 100 / old:+.0f}%)" if old else "")
