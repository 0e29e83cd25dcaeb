"""The closing report of a batch: a row with a reason for every order, then totals that add up to these rows.

And the sheet of problems: the rows that were not refunded because of a problem, as they were typed.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy, override, pgettext_lazy
from django.utils.translation import gettext as _

from core.database.chunks import in_chunks
from core.encryption.cipher import DecryptError, decrypt
from core.exports.cells import Cell, Row
from core.exports.columns import Column, table
from core.money import quantize
from core.permissions import AnyUser
from core.sentences import joined
from payments.labels import method_label, pg_label
from payments.models import Payment
from refunds.batches.check import LEFT_OUT
from refunds.batches.outcomes import LABELS, BatchOutcome, State, all_lines
from refunds.errors import AccountUnreadable
from refunds.messages import next_step_of, other_amount
from refunds.models import RefundBatch, RefundBatchItem, RefundRecord
from refunds.permissions import may_refund_any, may_view_accounts

_CHUNK = 500
_EXPLAINED = {
    State.REFUNDED: gettext_lazy("Refunded as requested."),
    State.RUNNING: gettext_lazy("Being sent to i'mport."),
    State.WAITING: gettext_lazy("Waiting for its turn."),
}


def reason_of(outcome: BatchOutcome) -> str:
    """Return why the order ended as it did; never an empty text."""
    refund = outcome.refund
    other = other_amount(refund, refund.booked_amount) if refund and outcome.state is State.REFUNDED else ""
    said = joined(other, outcome.message)
    return said or str(_EXPLAINED.get(outcome.state, "")) or outcome.code


def report_rows(batch: RefundBatch) -> Iterator[Row]:
    """Yield the headings, a row for every order of the batch, and the totals. Takes 20,000 orders in little memory."""
    totals = _Totals()
    language = get_language()
    yield from table(REPORT_COLUMNS, totals.counting(all_lines(batch)))
    with override(language):
        rows = list(totals.rows())
    yield from rows


def may_have_problem_sheet(user: AnyUser, batch: RefundBatch) -> bool:
    """Allow those who may see full accounts, since typed rows can hold them, and who made the batch."""
    is_own = may_refund_any(user) and user.pk == batch.requested_by_id
    return (is_own or may_view_accounts(user)) and _typed_problems(batch).exists()


def problem_sheet(batch: RefundBatch) -> Iterator[Row]:
    """Yield the rows with a problem as they were typed, and what is wrong with each in one more column.

    It can be mended and uploaded again. Rows that were left out on purpose are not in it. Raises `AccountUnreadable`
    if no key decrypts a row.
    """
    found = [(_typed(item), item.message or item.error_code) for item in in_chunks(_typed_problems(batch), _CHUNK)]
    headings = list(dict.fromkeys(heading for cells, _problem in found for heading in cells))
    yield [*headings, str(LABELS[State.PROBLEM])]
    for cells, problem in found:
        yield [*(cells.get(heading, "") for heading in headings), problem]


def _typed_problems(batch: RefundBatch) -> QuerySet[RefundBatchItem]:
    return batch.items.filter(excluded=True).exclude(encrypted_row="").exclude(error_code=LEFT_OUT).order_by("pk")


def _typed(item: RefundBatchItem) -> dict[str, str]:
    try:
        cells: dict[str, str] = json.loads(decrypt(item.encrypted_row))
    except DecryptError as exc:
        raise AccountUnreadable from exc
    return cells


@dataclass(frozen=True, slots=True)
class _Sum:
    """Orders of one state, currency and kind of money."""

    count: int = 0
    requested: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(self.count + other.count, self.requested + other.requested, self.refunded + other.refunded)


class _Totals:
    """Count and add up the orders that pass by: what the report says in the end is what its rows say."""

    def __init__(self) -> None:
        self._sums: dict[tuple[bool, str], dict[State, _Sum]] = {}

    def counting(self, outcomes: Iterable[BatchOutcome]) -> Iterator[BatchOutcome]:
        for outcome in outcomes:
            payment = outcome.payment
            kind = (payment.sandbox, payment.currency) if payment else (False, "")
            sums = self._sums.setdefault(kind, {})
            one = _Sum(1, outcome.requested or Decimal(0), _refunded(outcome) or Decimal(0))
            sums[outcome.state] = sums.get(outcome.state, _Sum()) + one
            yield outcome

    def rows(self) -> Iterator[Row]:
        """Yield an empty row, headings, and for each currency the total and the states that it consists of."""
        yield []
        titles = (_("currency"), _("Orders"), _("requested amount"), _("refunded amount"), _("test payment"))
        yield [_("Total"), *map(capfirst, titles)]
        for (is_test, currency), sums in sorted(self._sums.items()):
            everything = sum(sums.values(), _Sum())
            yield self._row(_("All rows"), currency, everything, is_test=is_test)
            for state in State:
                if state in sums:
                    yield self._row(str(LABELS[state]), currency, sums[state], is_test=is_test)

    def _row(self, name: str, currency: str, total: _Sum, *, is_test: bool) -> Row:
        amounts: list[Cell] = [None, None]
        if currency:
            amounts = [quantize(total.requested, currency), quantize(total.refunded, currency)]
        return [name, currency, Decimal(total.count), *amounts, _("Test") if is_test else ""]


def _refunded(outcome: BatchOutcome) -> Decimal | None:
    """Return what was refunded and not taken back; None if nothing was."""
    return outcome.refund.net_amount if outcome.refund and outcome.state is State.REFUNDED else None


def _money(outcome: BatchOutcome, amount: Decimal | None) -> Cell:
    return quantize(amount, outcome.payment.currency) if outcome.payment and amount is not None else amount


def _order(outcome: BatchOutcome) -> str:
    return outcome.payment.merchant_uid if outcome.payment else outcome.item.number


def _of_payment(read: Callable[[Payment], str]) -> Callable[[BatchOutcome], Cell]:
    return lambda outcome: read(outcome.payment) if outcome.payment else None


def _of_refund(read: Callable[[RefundRecord], Cell]) -> Callable[[BatchOutcome], Cell]:
    return lambda outcome: read(outcome.refund) if outcome.refund else None


def _line(outcome: BatchOutcome) -> Cell:
    return None if outcome.item.line is None else Decimal(outcome.item.line)


REPORT_COLUMNS: tuple[Column[BatchOutcome], ...] = (
    Column(gettext_lazy("line"), _line),
    Column(gettext_lazy("order"), _order),
    Column(gettext_lazy("payment number"), _of_payment(lambda payment: payment.imp_uid)),
    Column(gettext_lazy("buyer"), _of_payment(lambda payment: payment.buyer_name)),
    Column(gettext_lazy("method"), _of_payment(lambda payment: method_label(payment.pay_method))),
    Column(gettext_lazy("PG"), _of_payment(lambda payment: pg_label(payment.pg_provider))),
    Column(gettext_lazy("currency"), _of_payment(lambda payment: payment.currency)),
    Column(gettext_lazy("requested amount"), lambda outcome: _money(outcome, outcome.requested)),
    Column(gettext_lazy("refunded amount"), lambda outcome: _money(outcome, _refunded(outcome))),
    Column(pgettext_lazy("of a bulk refund", "result"), lambda outcome: str(LABELS[outcome.state])),
    Column(pgettext_lazy("of a result", "explanation"), reason_of),
    Column(gettext_lazy("next step"), _of_refund(next_step_of)),
    Column(gettext_lazy("column to correct"), lambda outcome: outcome.item.error_field),
    Column(gettext_lazy("value in it"), lambda outcome: outcome.item.error_value),
    Column(gettext_lazy("reason"), lambda outcome: outcome.item.reason or outcome.item.batch.reason),
    Column(gettext_lazy("reason code"), lambda outcome: outcome.item.reason_code or outcome.item.batch.reason_code),
    Column(gettext_lazy("note"), lambda outcome: outcome.item.note),
    Column(gettext_lazy("refund number"), _of_refund(lambda refund: refund.number)),
    Column(gettext_lazy("cancellation number"), _of_refund(lambda refund: refund.cancellation_id)),
    Column(gettext_lazy("requested at"), _of_refund(lambda refund: refund.requested_at), is_time=True),
    Column(gettext_lazy("refunded at"), _of_refund(lambda refund: refund.cancelled_at), is_time=True),
    Column(gettext_lazy("test payment"), _of_payment(lambda payment: _("Test") if payment.sandbox else "")),
)
