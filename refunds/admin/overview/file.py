"""The figures of a period as a CSV file."""

from collections.abc import Iterator
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from core.admin.pages import StaffRequest, staff_may
from core.exports.cells import Row
from core.exports.files import file_response
from core.money import quantize
from core.permissions import AnyUser
from refunds.admin.overview.breakdown import breakdowns, currencies_first
from refunds.admin.overview.figures import Figures, figures_of
from refunds.admin.overview.period import Period, period_of
from refunds.models import RefundStatus
from refunds.permissions import may_view_refunds, may_view_reports


@require_GET
@staff_may(may_view_refunds)
def figures_file(request: StaffRequest) -> StreamingHttpResponse:
    """Send the tables of the overview for the period in the address."""
    period = period_of(request)
    return file_response(list(_rows(request.user, period)), "csv", f"refunds-{period.first}-{period.last}")


def _rows(user: AnyUser, period: Period) -> Iterator[Row]:
    """Yield a line per group and currency; first, one per currency for all refunds."""
    figures = figures_of(period)
    sums = (pgettext("count", "Refunds"), _("Refunded, net"), RefundStatus.FAILED.label, _("paid"))
    yield [capfirst(str(title)) for title in (_("Table"), _("Group"), _("currency"), *sums)]
    for currency in currencies_first([*_currencies(figures), *(one.currency for one in figures.paid)]):
        yield _total(figures, currency)
    for table in breakdowns(figures, period, with_persons=may_view_reports(user)):
        for line in table.lines:
            for currency in currencies_first([*line.refunded_in, *line.failed_in]):
                total = quantize(line.sums.get(currency, Decimal(0)), currency)
                refunded, failed = (Decimal(each.get(currency, 0)) for each in (line.refunded_in, line.failed_in))
                yield [table.title, line.name, currency, refunded, total, failed, None]


def _currencies(figures: Figures) -> set[str]:
    return {day.currency for day in figures.days}


def _total(figures: Figures, currency: str) -> Row:
    days = [day for day in figures.days if day.currency == currency]
    statuses = (RefundStatus.SUCCEEDED, RefundStatus.FAILED)
    refunded, failed = (sum(day.count for day in days if day.status == status) for status in statuses)
    total = quantize(figures.refunded().get(currency, Decimal(0)), currency)
    paid = quantize(sum((one.total for one in figures.paid if one.currency == currency), Decimal(0)), currency)
    return [_("All"), "", currency, Decimal(refunded), total, Decimal(failed), paid]
