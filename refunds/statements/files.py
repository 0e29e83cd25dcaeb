"""A month's statement as tables for files: its lines with totals, and its single movements."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.exports.cells import Cell, Row
from core.exports.columns import Column, table
from core.money import KRW, quantize
from payments.labels import method_label, pg_label
from refunds.models import StatementEntry
from refunds.statements.entries import entries_of
from refunds.statements.lines import Line
from refunds.statements.read import Statement


def _count(number: int) -> Decimal:
    return Decimal(number)


def _money(line: Line, amount: Decimal) -> Cell:
    return quantize(amount, line.currency)


NAMES: tuple[Column[Line], ...] = (
    Column(_("PG"), lambda line: pg_label(line.pg_provider)),
    Column(_("method"), lambda line: method_label(line.pay_method)),
)
AMOUNTS: tuple[Column[Line], ...] = (
    Column(_("currency"), lambda line: line.currency),
    Column(pgettext_lazy("count", "Payments"), lambda line: _count(line.paid.sums.count)),
    Column(_("paid"), lambda line: _money(line, line.paid.sums.amount)),
    Column(pgettext_lazy("count", "Refunds"), lambda line: _count(line.refunded.sums.count)),
    Column(_("refunded"), lambda line: _money(line, line.refunded.sums.amount)),
    Column(_("reversals"), lambda line: _count(line.reversed.sums.count)),
    Column(_("reversed amount"), lambda line: _money(line, line.reversed.sums.amount)),
    Column(_("net"), lambda line: _money(line, line.net)),
    Column(_("transfer fee (KRW)"), lambda line: quantize(line.fee, KRW)),
    Column(_("supply amount"), lambda line: _money(line, line.supply)),
    Column(_("VAT part"), lambda line: _money(line, line.vat)),
    Column(_("tax-free part"), lambda line: _money(line, line.tax_free)),
    Column(_("tax parts not known"), lambda line: _money(line, line.unknown)),
    Column(_("from earlier months"), lambda line: _count(line.earlier.count)),
    Column(_("from earlier months, net"), lambda line: _money(line, line.earlier.amount)),
    Column(_("open at the end"), lambda line: _count(line.open.count)),
    Column(_("open at the end, amount"), lambda line: _money(line, line.open.amount)),
)


def _part(entry: StatementEntry, amount: Decimal | None) -> Cell:
    return None if amount is None else quantize(amount, entry.currency)


def _supply(entry: StatementEntry) -> Cell:
    known = entry.vat is not None and entry.tax_free is not None
    return _part(entry, entry.amount - entry.vat - entry.tax_free) if known else None  # type: ignore[operator]


MOVEMENTS: tuple[Column[StatementEntry], ...] = (
    Column(_("date"), lambda entry: entry.at, is_time=True),
    Column(_("kind"), lambda entry: entry.get_kind_display()),
    Column(_("order"), lambda entry: entry.payment.merchant_uid),
    Column(_("payment number"), lambda entry: entry.payment.imp_uid),
    Column(_("refund number"), lambda entry: entry.refund.number if entry.refund else ""),
    Column(_("cancellation number"), lambda entry: entry.refund.cancellation_id if entry.refund else ""),
    Column(_("buyer"), lambda entry: entry.payment.buyer_name),
    Column(_("PG"), lambda entry: pg_label(entry.pg_provider)),
    Column(_("method"), lambda entry: method_label(entry.pay_method)),
    Column(_("currency"), lambda entry: entry.currency),
    Column(_("amount"), lambda entry: quantize(entry.amount, entry.currency)),
    Column(_("supply amount"), _supply),
    Column(_("VAT part"), lambda entry: _part(entry, entry.vat)),
    Column(_("tax-free part"), lambda entry: _part(entry, entry.tax_free)),
    Column(_("transfer fee (KRW)"), lambda entry: quantize(entry.fee, KRW) if entry.fee else None),
)


def shown_lines(statement: Statement) -> list[Line]:
    """Return the lines as people read them: i'mport's codes of one PG company, which have one name, are one line."""
    shown: dict[tuple[str, str, str], Line] = {}
    for line in statement.lines:
        name = (pg_label(line.pg_provider), method_label(line.pay_method), line.currency)
        first = shown.get(name)
        shown[name] = (
            replace(first + line, pg_provider=first.pg_provider, pay_method=first.pay_method) if first else line
        )
    return list(shown.values())


def line_rows(statement: Statement) -> Iterator[Row]:
    """Yield the headings, then one row per PG, method and currency."""
    return table((*NAMES, *AMOUNTS), shown_lines(statement))


def line_rows_with_totals(statement: Statement) -> Iterator[Row]:
    """Yield the headings, one row per PG, method and currency, then one row per currency."""
    yield from line_rows(statement)
    names: Sequence[Column[Line]] = (Column("", lambda _line: gettext("Totals")), Column("", lambda _line: ""))
    yield from islice(table((*names, *AMOUNTS), statement.totals), 1, None)


def total_rows(statement: Statement) -> Iterator[Row]:
    """Yield the headings, then one row per currency."""
    return table(AMOUNTS, statement.totals)


def movement_rows(statement: Statement) -> Iterator[Row]:
    """Yield the headings, then one row per movement; those with an earlier date are marked."""
    start = statement.start
    late = gettext("from earlier months")
    columns: Sequence[Column[StatementEntry]] = (
        *MOVEMENTS,
        Column(_("remark"), lambda entry: late if entry.at < start else ""),
    )
    return table(columns, entries_of(statement.month))


def movement_count(statement: Statement) -> int:
    return sum(each.sums.count for line in statement.lines for each in (line.paid, line.refunded, line.reversed))
