"""The page of a bulk refund before its start: what would be refunded, what would not and why, and what to confirm."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.forms import BoundField
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.money import KRW, format_money, format_totals
from payments.labels import method_and_pg
from refunds.admin.approval_badges import approval_of_batch
from refunds.admin.batches.forms import StartForm
from refunds.admin.batches.timeline import batch_timeline
from refunds.admin.bulk_refund.approval import approval_notice
from refunds.batches.preview import (
    LINES,
    BatchPreview,
    WarningGroup,
    preview_of,
    problem_lines,
    ready_items,
)
from refunds.batches.report import may_have_problem_sheet
from refunds.batches.sheets.columns import HEADINGS
from refunds.batches.start import batch_approval_need, needs_second_factor
from refunds.inputs import Actor
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem
from refunds.permissions import may_refund_any

# Titles of groups of problems. A rule's own message says it for the others.
TITLES: Mapping[str, str | Promise] = {
    "unknown_order": gettext_lazy("Order not found"),
    "ambiguous_order": gettext_lazy("Several payments have this order number"),
    "missing_order": gettext_lazy("No order in the row"),
    "duplicate_row": gettext_lazy("The same row again"),
    "duplicate_differs": gettext_lazy("Different rows of one order"),
    "mangled_number": gettext_lazy("Number damaged by the spreadsheet program"),
    "formula": gettext_lazy("Formula instead of a value"),
    "merged_cells": gettext_lazy("Merged cells"),
    "invalid_amount": gettext_lazy("Not an amount"),
    "invalid_text": gettext_lazy("Text that cannot be used"),
    "left_out": gettext_lazy("Left out"),
    "refund_in_progress": gettext_lazy("Another refund of the order is open"),
    "amount_exceeds_balance": gettext_lazy("More than is left"),
    "already_refunded": gettext_lazy("Already refunded in full"),
    "account_required": gettext_lazy("Bank account missing"),
    "account_in_reason": gettext_lazy("Account number in the reason"),
}


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One row of the batch for the template."""

    item: RefundBatchItem

    @property
    def order(self) -> str:
        return self.item.payment.merchant_uid if self.item.payment else self.item.number

    @property
    def column(self) -> str:
        return str(HEADINGS.get(self.item.error_field, ""))

    @property
    def amount(self) -> str:
        item = self.item
        amount = item.expected_balance if item.amount is None else item.amount
        return format_money(amount or Decimal(0), item.payment.currency) if item.payment else "–"

    @property
    def left(self) -> str:
        """Return what stays refundable after this refund."""
        item = self.item
        if item.payment is None or item.expected_balance is None:
            return "–"
        amount = item.expected_balance if item.amount is None else item.amount
        return format_money(item.expected_balance - amount, item.payment.currency)


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows, and the queries that lead to the pages before and after."""

    page: Page[RefundBatchItem]
    parameter: str
    others: str  # of the query, to keep
    anchor: str

    @property
    def lines(self) -> list[ItemLine]:
        return [ItemLine(item) for item in self.page]

    @property
    def previous(self) -> str:
        return self._query(self.page.previous_page_number()) if self.page.has_previous() else ""

    @property
    def next(self) -> str:
        return self._query(self.page.next_page_number()) if self.page.has_next() else ""

    def _query(self, number: int) -> str:
        return f"?{self.others}{self.parameter}={number}#{self.anchor}"


def actor_of(user: User) -> Actor:
    return Actor(name=user.get_username(), user=user)


def start_form(batch: RefundBatch, user: User, preview: BatchPreview, data: Mapping[str, Any] | None) -> StartForm:
    needs_code = needs_second_factor(actor_of(user), preview.totals)
    return StartForm(preview, data, batch=batch, needs_code=needs_code)


def preview_facts(
    request: HttpRequest,
    batch: RefundBatch,
    user: User,
    preview: BatchPreview | None = None,
    form: StartForm | None = None,
) -> dict[str, Any]:
    """Return what the template of a batch shows before its start."""
    preview = preview or preview_of(batch)
    form = form or start_form(batch, user, preview, None)
    is_blocked = batch.all_or_nothing and any(group.code != "left_out" for group in preview.problems)
    need = batch_approval_need(batch, actor_of(user)) if batch.status == BatchStatus.CHECKED else None
    return {
        "batch": batch,
        "preview": preview,
        "is_checked": batch.status in (BatchStatus.CHECKED, BatchStatus.AWAITING),
        "may_refund": may_refund_any(user) and batch.status != BatchStatus.AWAITING,
        **approval_of_batch(batch, user),
        "is_blocked": is_blocked,
        "needs_approval": approval_notice([need.message], user, is_needed=True) if need else None,
        "form": form,
        "totals": totals_in_words(preview),
        "fees": format_money(preview.fees, KRW),
        "button": button_text(preview, asks=need is not None),
        "sums": [sum_line(one) for one in preview.sums],
        "warnings": _warnings(form),
        "problems": [(TITLES.get(group.code, group.message), group) for group in preview.problems],
        "excluded": _problem_rows(request, batch),
        "ready": _ready_rows(request, batch),
        "has_problem_sheet": may_have_problem_sheet(user, batch),
        "timeline": batch_timeline(batch),
    }


def totals_in_words(preview: BatchPreview) -> str:
    return " + ".join(
        format_totals([(total, currency) for currency, total in preview.totals.items()] or [(Decimal(0), KRW)])
    )


def button_text(preview: BatchPreview, *, asks: bool = False) -> str:
    """Return exactly what the button does: refund, or ask for approval."""
    if asks:
        text = _("Request approval of {total} for {count} orders")
        return text.format(total=totals_in_words(preview), count=f"{preview.orders:,}")
    label = ngettext("Refund %(total)s for %(count)s order", "Refund %(total)s for %(count)s orders", preview.orders)
    return label % {"total": totals_in_words(preview), "count": f"{preview.orders:,}"}


def sum_line(one: Any) -> dict[str, str]:
    return {
        "method": method_and_pg(one.pay_method, one.pg_provider),
        "orders": f"{one.orders:,}",
        "total": format_money(one.total, one.currency),
        "fees": format_money(one.fees, KRW) if one.fees else "–",
    }


def _warnings(form: StartForm) -> list[tuple[WarningGroup, BoundField, str, str]]:
    """Return each warning with its input, its words, and the sum of its orders."""
    found = []
    for group, bound in form.groups:
        total = " + ".join(format_totals((total, currency) for currency, total in group.totals.items()))
        found.append((group, bound, _words(group), total))
    return found


def _words(group: WarningGroup) -> str:
    """Return the rule's message, as an example where it names the amounts of one order of several."""
    if group.orders == 1:
        return group.message
    return _("For example: %(message)s") % {"message": group.message}


def _problem_rows(request: HttpRequest, batch: RefundBatch) -> Rows:
    others = _kept(request, "page")
    return Rows(problem_lines(batch, request.GET.get("problems", 1)), "problems", others, "excluded")


def _ready_rows(request: HttpRequest, batch: RefundBatch) -> Rows:
    items = ready_items(batch).select_related("payment").order_by("line", "pk")
    page = Paginator(items, LINES).get_page(request.GET.get("page", 1))
    return Rows(page, "page", _kept(request, "problems"), "ready")


def _kept(request: HttpRequest, name: str) -> str:
    value = request.GET.get(name, "")
    return f"{name}={value}&" if value.isdecimal() else ""
