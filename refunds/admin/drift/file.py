"""A reconciliation report as a file: one row per payment, and the totals."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.exports.cells import Row
from core.exports.columns import Column, table
from core.money import quantize
from payments.labels import method_label, pg_label
from refunds.admin.drift.lines import STATES, Line, all_that_differ, lines
from refunds.models import ReconciliationReport

_CHUNK = 500


def _method(line: Line) -> str:
    return method_label(line.payment.pay_method) if line.payment else ""


def _pg(line: Line) -> str:
    return pg_label(line.payment.pg_provider) if line.payment else ""


def _paid_at(line: Line) -> datetime | None:
    return line.payment.paid_at if line.payment else None


def _test(line: Line) -> str:
    return gettext("Test") if line.payment and line.payment.sandbox else ""


COLUMNS: tuple[Column[Line], ...] = (
    Column(_("order"), lambda line: line.first.merchant_uid),
    Column(_("payment number"), lambda line: line.first.imp_uid),
    Column(_("method"), _method),
    Column(_("PG"), _pg),
    Column(_("paid at"), _paid_at, is_time=True),
    Column(_("currency"), lambda line: line.refunded.currency),
    Column(_("refunded here"), lambda line: quantize(line.refunded.here, line.refunded.currency)),
    Column(_("refunded at i'mport"), lambda line: quantize(line.refunded.there, line.refunded.currency)),
    Column(_("difference"), lambda line: quantize(line.refunded.difference, line.refunded.currency)),
    Column(_("discrepancies"), lambda line: "; ".join(one.in_words for one in line.found)),
    Column(_("discrepancies (codes)"), lambda line: ", ".join(one.kind for one in line.found)),
    Column(_("status"), lambda line: str(STATES[line.state][1])),
    Column(_("status (code)"), lambda line: line.state),
    Column(_("test payment"), _test),
)


def report_rows(user: AbstractBaseUser | AnonymousUser, report: ReconciliationReport) -> Iterator[Row]:
    """Yield the heading, then one row per payment that differs or waits for the PG."""
    return table(COLUMNS, _lines(user, report))


def _lines(user: AbstractBaseUser | AnonymousUser, report: ReconciliationReport) -> Iterator[Line]:
    payments = all_that_differ(report)
    while chunk := list(islice(payments, _CHUNK)):
        yield from lines(user, chunk)


def report_totals(report: ReconciliationReport) -> Iterator[Row]:
    """Yield what is refunded of all compared payments, by currency."""
    headings = (_("currency"), _("refunded here"), _("refunded at i'mport"), _("difference"))
    yield [capfirst(str(heading)) for heading in headings]
    for refunded in report.refunded:
        amounts = (refunded.here, refunded.there, refunded.difference)
        yield [refunded.currency, *(quantize(amount, refunded.currency) for amount in amounts)]
