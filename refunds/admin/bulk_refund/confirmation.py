"""The confirmation page: selected orders and inputs, results of the rules, and totals."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.money import KRW, format_money, format_totals
from payments.models import Payment
from refunds.admin.bulk_refund.approval import ApprovalNotice, page_notice
from refunds.admin.bulk_refund.forms import OrderForm, SharedForm, initial_data
from refunds.admin.bulk_refund.rows import Row, Warned, shown_before, to_read
from refunds.batches.create import Row as BatchRow
from refunds.errors import Violation
from refunds.models import NoticeKind, RefundRecord
from refunds.notices.outbox import is_on
from refunds.services.preview import RefundPreview, preview_refund, requirements_of

# Seconds. After an order whose check took longer, the bank is not asked about the other orders of the page.
SLOW_BANK = 2.0
_OF_REASON = ("reason", "reason_code")


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about the page as a whole. `level` is info, success, warning or error."""

    code: str
    level: str
    message: str


@dataclass(slots=True)
class Confirmation:
    """The page, validated. `may_send` tells whether every ticked order may be refunded with these inputs."""

    rows: list[Row]
    shared: SharedForm
    notices: list[Notice] = field(default_factory=list)
    approval: ApprovalNotice | None = None
    at_once: str | None = None  # up to which sum several orders need no approval, for the page's script

    @property
    def ticked(self) -> list[Row]:
        return [row for row in self.rows if row.ticked]

    @property
    def skipped(self) -> list[Row]:
        return [row for row in self.rows if row.blocked]

    @property
    def is_single(self) -> bool:
        return len(self.rows) == 1

    @property
    def is_possible(self) -> bool:
        """Return whether any order of the page can be refunded."""
        return any(not row.blocked for row in self.rows)

    @property
    def may_send(self) -> bool:
        return self.is_valid and self.is_read

    @property
    def is_valid(self) -> bool:
        """Return whether every input of the ticked orders is in order."""
        return bool(self.ticked) and not self.shared.errors and not any(row.form.errors for row in self.ticked)

    @property
    def is_read(self) -> bool:
        """Return whether every warning that has to be ticked is."""
        return all(warned.is_read for row in self.ticked for warned in row.warned)

    @property
    def has_warnings(self) -> bool:
        """Return whether there is anything to read besides what the refund costs and when it is paid."""
        return any(warned.level != "info" for row in self.ticked for warned in row.warned)

    @property
    def tells_buyers(self) -> bool:
        """Return whether the buyer of an order on the page is told by e-mail when it is refunded."""
        return is_on(NoticeKind.REFUNDED) and any(
            row.payment.buyer_email and not row.payment.sandbox for row in self.rows
        )

    @property
    def notes(self) -> list[tuple[Warned, list[str]]]:
        """Return what to read before the first press, each with the order numbers that it is about.

        An order that is not ticked can be: its notes count as read from now on.
        """
        found: dict[str, tuple[Warned, list[str]]] = {}
        for row in self.rows:
            for warned in () if row.blocked else row.notes:
                found.setdefault(warned.warning.message, (warned, []))[1].append(row.payment.merchant_uid)
        return sorted(found.values(), key=lambda note: note[0].level == "info")

    @property
    def orders(self) -> list[BatchRow]:
        return [BatchRow(row.request, row.payment.pk, merchant_uid=row.payment.merchant_uid) for row in self.ticked]

    @property
    def sums(self) -> dict[str, Decimal]:
        """The total to refund per currency, without test payments, in major units."""
        sums: dict[str, Decimal] = {}
        for row in self._real:
            sums[row.payment.currency] = sums.get(row.payment.currency, Decimal(0)) + (row.amount or 0)
        return sums

    @property
    def warning_codes(self) -> set[str]:
        """The codes of the warnings that the page shows, the fee among them."""
        return {warning.code for row in self.ticked for warning in row.preview.warnings}

    @property
    def totals(self) -> list[str]:
        """The total to refund per currency, without test payments."""
        real = [(row.amount or Decimal(0), row.payment.currency) for row in self._real]
        return format_totals(real or [(Decimal(0), KRW)])

    @property
    def fees(self) -> str:
        return format_money(sum((row.fee for row in self._real), Decimal(0)), KRW)

    @property
    def _real(self) -> list[Row]:
        return [row for row in self.ticked if not row.payment.sandbox]

    @property
    def has_fees(self) -> bool:
        return any(row.fee for row in self.rows)

    @property
    def button(self) -> str:
        count = len(self.ticked)
        if any(row.amount is None for row in self.ticked):
            return _("Correct the amount")
        words = {"total": " + ".join(self.totals), "count": count}
        if self.approval and self.approval.is_needed:
            # The texts of the page's script.
            asks = _("Request approval of {total}"), _("Request approval of {total} for {count} orders")
            return asks[count > 1].format(**words)
        label = ngettext("Refund %(total)s for %(count)s order", "Refund %(total)s for %(count)s orders", count)
        return label % words


def initial_page(
    payments: Sequence[Payment], user: User, token: str, earlier: RefundRecord | None = None
) -> Confirmation:
    """Return the page before any input, with only the problems that no input can fix.

    `earlier` is a failed refund of the only payment: it is filled in again, but for the account's holder and number.
    """
    reasons = {"reason": earlier.reason, "reason_code": earlier.reason_code} if earlier else {}
    shared = SharedForm({"token": token, **reasons})
    if not shared.is_valid():  # that reason is not in use any more
        shared = SharedForm({"token": token, "reason": reasons.get("reason", "")})
        shared.is_valid()
    rows = []
    for payment in payments:
        needs = requirements_of(payment)
        form = OrderForm(payment, needs, initial_data(payment, needs, earlier))
        preview = _preview(form, shared, user)
        shown = [problem for problem in preview.problems if problem.field in ("", "amount")]
        _add_problems(form, shown)
        rows.append(
            Row(payment, form, preview, shown_before(form, preview), ticked=not shown, blocked=_is_blocked(preview))
        )
    return _with_notices(Confirmation(rows, shared), user)


def submitted_page(payments: Sequence[Payment], user: User, data: Mapping[str, Any]) -> Confirmation:
    """Return the page as submitted, with every problem beside its input."""
    shared = SharedForm(data)
    shared.is_valid()
    ask_bank = True
    rows = []
    for payment in payments:
        form = OrderForm(payment, requirements_of(payment), data)
        started = time.monotonic()
        preview = _preview(form, shared, user, ask_bank=ask_bank)
        ask_bank = ask_bank and time.monotonic() - started < SLOW_BANK
        blocked = _is_blocked(preview)
        wanted = form.is_selected
        _add_problems(form, [problem for problem in preview.problems if wanted or not problem.field])
        rows.append(Row(payment, form, preview, to_read(form, preview), ticked=wanted and not blocked, blocked=blocked))
        if wanted:
            _add_reason_problems(shared, preview.problems)
    return _with_notices(Confirmation(rows, shared), user)


def has_blocked_selection(page: Confirmation) -> bool:
    return any(row.blocked and row.form.is_selected for row in page.rows)


def _preview(form: OrderForm, shared: SharedForm, user: User, *, ask_bank: bool = True) -> RefundPreview:
    form.is_valid()
    request = shared.add_reason(form.request)
    return preview_refund(payment=form.payment, request=request, user=user, ask_bank=ask_bank)


def _is_blocked(preview: RefundPreview) -> bool:
    return any(not problem.field for problem in preview.problems)


def _add_problems(form: OrderForm, problems: Iterable[Violation]) -> None:
    for problem in problems:
        if problem.field not in _OF_REASON:
            form.add_problem(problem.field, problem.code, problem.message)


def _add_reason_problems(shared: SharedForm, problems: Iterable[Violation]) -> None:
    for problem in problems:
        if problem.field in _OF_REASON and not shared.has_error(problem.field):
            shared.add_error(problem.field, ValidationError(problem.message, code=problem.code))


def _with_notices(page: Confirmation, user: User) -> Confirmation:
    page.approval, page.at_once = page_notice(page.rows, user)
    if page.skipped:
        page.notices.append(Notice("skipped", "warning", _skipped_message(len(page.skipped), len(page.rows))))
    return page


def _skipped_message(count: int, total: int) -> str:
    if total == 1:
        return _("This order cannot be refunded (reason below).")
    return _("%(count)s of %(all)s orders will be skipped.") % {"count": count, "all": total}
