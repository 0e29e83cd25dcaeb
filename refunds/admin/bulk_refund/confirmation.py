"""The confirmation page: selected orders and inputs, results of the rules, and totals."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.money import KRW, format_money, format_totals, precision, quantize
from payments.admin.payments import state_badge
from payments.labels import method_and_pg
from payments.models import Payment
from refunds.admin.bulk_refund.forms import OrderForm, SharedForm, initial_data
from refunds.batches.create import Row as BatchRow
from refunds.errors import Violation
from refunds.services.preview import RefundPreview, preview_refund, requirements_of

# Shown with live numbers instead of the rule's own message.
FEE_WARNING = "vbank_fee"
# Seconds. After an order whose check took longer, the bank is not asked about the other orders of the page.
SLOW_BANK = 2.0
# The inputs that every order has, at the top of its card.
HEAD_FIELDS = ("selected", "expected_balance", "amount")
DOUBTS = ("account_holder_differs", "account_not_confirmed")  # the money may reach a stranger


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about the page as a whole. `level` is info, success, warning or error."""

    code: str
    level: str
    message: str


@dataclass(slots=True)
class Row:
    """One order on the page. Blocked: nothing that could be typed would make it refundable."""

    payment: Payment
    form: OrderForm
    preview: RefundPreview
    ticked: bool
    blocked: bool

    @property
    def amount(self) -> Decimal | None:
        """The amount to refund; None while the input is invalid."""
        return None if self.form.has_error("amount") else self.preview.amount

    @property
    def warnings(self) -> list[Violation]:
        return [warning for warning in self.preview.warnings if warning.code not in (FEE_WARNING, *DOUBTS)]

    @property
    def doubt(self) -> Violation | None:
        """The warning that has to be ticked before the money goes to this account."""
        return next((warning for warning in self.preview.warnings if warning.code in DOUBTS), None)

    @property
    def doubt_value(self) -> str:
        return self.form.confirmation_of(self.doubt.code) if self.doubt else ""

    @property
    def is_confirmed(self) -> bool:
        return self.doubt is not None and self.doubt.code in self.form.request("").confirmed

    @property
    def fee(self) -> Decimal:
        return self.preview.requirements.merchant_fee

    @property
    def cost(self) -> str:
        """The line with the shop's cost of refunding a virtual account."""
        if not self.fee or self.amount is None:
            return ""
        return _("%(amount)s + %(fee)s fee. Total cost %(cost)s") % {
            "amount": format_money(self.amount, self.payment.currency),
            "fee": format_money(self.fee, KRW),
            "cost": format_money(self.amount + self.fee, self.payment.currency),
        }

    @property
    def more_fields(self) -> list[BoundField]:
        """The inputs besides the amount that must be filled in."""
        return [bound for bound in self.form if bound.name not in (*HEAD_FIELDS, "confirmed", *self._folded)]

    @property
    def folded_fields(self) -> list[BoundField]:
        """Tax parts that may be named but mostly need not: out of the way unless they are in use."""
        return [self.form[name] for name in self._folded]

    @property
    def _folded(self) -> list[str]:
        names: list[str] = [name for name in ("tax_free", "vat_amount") if name in self.form.fields]
        needs = self.preview.requirements
        in_use = (
            needs.tax_free
            or needs.tax_free_in_full
            or any(self.form.has_error(name) or self.form[name].data for name in names)
        )
        return [] if in_use else names

    @property
    def full_only(self) -> bool:
        return not self.preview.requirements.partial_allowed

    @property
    def problems(self) -> list[ValidationError]:
        """Errors that belong to no single input."""
        found: list[ValidationError] = [
            *self.form.non_field_errors().as_data(),
            *self.form["expected_balance"].errors.as_data(),
        ]
        return found

    @property
    def badge(self) -> SafeString:
        return state_badge(self.payment)

    @property
    def method(self) -> str:
        return method_and_pg(self.payment.pay_method, self.payment.pg_provider)

    @property
    def plain_refundable(self) -> str:
        """For the form and its script."""
        return f"{quantize(self.payment.refundable_amount, self.payment.currency):f}"

    @property
    def plain_fee(self) -> str:
        return f"{quantize(self.fee, KRW):f}"

    @property
    def precision(self) -> int:
        return precision(self.payment.currency)


@dataclass(slots=True)
class Confirmation:
    """The page, validated. `may_send` tells whether every ticked order may be refunded with these inputs."""

    rows: list[Row]
    shared: SharedForm
    notices: list[Notice] = field(default_factory=list)

    @property
    def ticked(self) -> list[Row]:
        return [row for row in self.rows if row.ticked]

    @property
    def skipped(self) -> list[Row]:
        return [row for row in self.rows if row.blocked]

    @property
    def may_send(self) -> bool:
        wrong = any(row.form.errors or (row.doubt and not row.is_confirmed) for row in self.ticked)
        return bool(self.ticked) and not self.shared.errors and not wrong

    @property
    def orders(self) -> list[BatchRow]:
        reason = self.shared.cleaned_data["reason"]
        return [
            BatchRow(row.form.request(reason), row.payment.pk, merchant_uid=row.payment.merchant_uid)
            for row in self.ticked
        ]

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
        label = ngettext("Refund %(total)s for %(count)s order", "Refund %(total)s for %(count)s orders", count)
        return label % {"total": " + ".join(self.totals), "count": count}


def initial_page(payments: Sequence[Payment], user: User, token: str) -> Confirmation:
    """Return the page before any input, with only the problems that no input can fix."""
    shared = SharedForm({"token": token, "reason": ""})
    shared.is_valid()
    rows = []
    for payment in payments:
        needs = requirements_of(payment)
        form = OrderForm(payment, needs, initial_data(payment, needs))
        preview = _preview(form, "", user)
        shown = [problem for problem in preview.problems if problem.field in ("", "amount")]
        _add_problems(form, shown)
        rows.append(Row(payment, form, preview, ticked=not shown, blocked=_is_blocked(preview)))
    return _with_skipped(Confirmation(rows, shared))


def submitted_page(payments: Sequence[Payment], user: User, data: Mapping[str, Any]) -> Confirmation:
    """Return the page as submitted, with every problem beside its input."""
    shared = SharedForm(data)
    shared.is_valid()
    reason = shared.cleaned_data.get("reason", "")
    ask_bank = True
    rows = []
    for payment in payments:
        form = OrderForm(payment, requirements_of(payment), data)
        started = time.monotonic()
        preview = _preview(form, reason, user, ask_bank=ask_bank)
        ask_bank = ask_bank and time.monotonic() - started < SLOW_BANK
        blocked = _is_blocked(preview)
        wanted = form.is_selected
        _add_problems(form, [problem for problem in preview.problems if wanted or not problem.field])
        rows.append(Row(payment, form, preview, ticked=wanted and not blocked, blocked=blocked))
        if wanted and not shared.has_error("reason"):
            _add_reason_problems(shared, preview.problems)
    return _with_skipped(Confirmation(rows, shared))


def has_blocked_selection(page: Confirmation) -> bool:
    return any(row.blocked and row.form.is_selected for row in page.rows)


def _preview(form: OrderForm, reason: str, user: User, *, ask_bank: bool = True) -> RefundPreview:
    form.is_valid()
    return preview_refund(payment=form.payment, request=form.request(reason), user=user, ask_bank=ask_bank)


def _is_blocked(preview: RefundPreview) -> bool:
    return any(not problem.field for problem in preview.problems)


def _add_problems(form: OrderForm, problems: Iterable[Violation]) -> None:
    for problem in problems:
        if problem.field != "reason":
            form.add_problem(problem.field, problem.code, problem.message)


def _add_reason_problems(shared: SharedForm, problems: Iterable[Violation]) -> None:
    for problem in problems:
        if problem.field == "reason":
            shared.add_error("reason", ValidationError(problem.message, code=problem.code))


def _with_skipped(page: Confirmation) -> Confirmation:
    if page.skipped:
        page.notices.append(Notice("skipped", "warning", _skipped_message(len(page.skipped), len(page.rows))))
    return page


def _skipped_message(count: int, total: int) -> str:
    if total == 1:
        return _("This order cannot be refunded (reason below).")
    return _("%(count)s of %(all)s orders will be skipped.") % {"count": count, "all": total}
