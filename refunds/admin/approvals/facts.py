"""Collect what the page of an approval request shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext as _

from core.admin.display import format_time, since
from core.admin.pages import StaffRequest
from core.money import KRW, format_money
from payments.labels import method_and_pg
from refunds.admin.approval_badges import is_overdue, left, list_url, status_badge
from refunds.admin.approvals.account import request_account_card, request_timeline
from refunds.admin.approvals.forms import DecisionForm
from refunds.admin.approvals.warnings import Warned, warnings_of
from refunds.admin.bank_account import AccountCard, account_card
from refunds.admin.batches.preview import sum_line
from refunds.admin.bulk_refund.confirmation import Notice
from refunds.approvals.decide import may_decide
from refunds.approvals.view import CurrentView, earlier_refunds
from refunds.approvals.words import closed_text, decider_names, why_text
from refunds.batches.preview import preview_of
from refunds.batches.words import batch_name, batch_path
from refunds.models import ApprovalStatus, RefundApproval, RefundBatch, RefundRecord
from refunds.permissions import may_view_payments


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold what this user can do about the request, in words, with the inputs for it."""

    title: str
    lines: list[str]
    note: BoundField | None = None
    may_approve: bool = False
    may_reject: bool = False
    may_withdraw: bool = False
    button: str = ""
    ticks: list[Warned] = field(default_factory=list)
    was_sent: bool = False


def page_facts(
    request: StaffRequest, approval: RefundApproval, view: CurrentView | None, typed: QueryDict | None
) -> dict[str, Any]:
    """Return what the template shows. `view` is the request as it would be sent now; None: it waits no longer."""
    user = request.user
    read = typed.getlist("read") if typed is not None else []
    warnings = warnings_of(approval, view.warnings if view else None, read)
    refund = _refund_of(approval)
    earlier = [one for one in earlier_refunds(approval.payment) if one != refund] if approval.payment else []
    return {
        "approval": approval,
        "payment": approval.payment,
        "amount": approval.shown_amount or format_money(Decimal(0), KRW),
        "status": status_badge(approval),
        "state_text": _state_text(approval),
        "notices": _notices(view),
        "facts": [(label, value) for label, value in _facts(approval, view) if value],
        "refund": refund,
        "card": _card(request, approval, refund),
        "warnings": warnings,
        "earlier": earlier,
        "seen": view.seen if view else "",
        "decision": _decision(approval, user, view, warnings, typed),
        "back": list_url(status="waiting"),
        "why": why_text(approval.rule, approval.limit_amount),
        "deciders": decider_names(approval.requested_by_id) if approval.is_waiting else None,
        "timeline": request_timeline(approval),
        "may_view_payments": may_view_payments(user),
        **(_batch_facts(approval.batch) if approval.batch else {}),
    }


def _refund_of(approval: RefundApproval) -> RefundRecord | None:
    """Return the refund that the approval of a single one led to."""
    if approval.payment is None:
        return None
    return approval.refunds.select_related("payment", "late_record").order_by("-id").first()


def _state_text(approval: RefundApproval) -> str:
    """Return in a sentence where the request stands."""
    who = approval.decided_by_name or "–"
    if is_overdue(approval):
        return _("Nobody decided in time, so nothing was sent. It can no longer be approved; ask for it again.")
    if approval.is_waiting:
        return _("Nothing has been sent. It waits for a second person, until %(when)s.") % {
            "when": left(approval.expires_at)
        }
    if approval.status == ApprovalStatus.APPROVED:
        return _("%(who)s approved it.") % {"who": who}
    if approval.status == ApprovalStatus.REJECTED:
        return _("%(who)s rejected it. Nothing was sent.") % {"who": who}
    return _("%(why)s Nothing was sent.") % {"why": closed_text(approval)}


def _facts(approval: RefundApproval, view: CurrentView | None) -> Iterator[tuple[str, str]]:
    """Yield exactly what would be sent, who asks, and why."""
    yield from _money_facts(approval) if approval.payment else [(_("Orders"), f"{approval.orders:,}")]
    if view is not None:
        yield _("Account holder"), view.account.holder
    if view is not None and view.received is not None and view.received != approval.amount:
        yield _("The buyer is expected to receive"), format_money(view.received, approval.currency)
    yield _("Requested by"), f"{approval.requested_by_name} · {approval.get_source_display()}"
    if approval.api_token:
        yield _("API token"), approval.api_token.name
    yield _("Requested at"), since(approval.requested_at)
    yield _("Reason"), approval.reason_name or approval.reason or "–"
    if approval.reason_name and approval.reason:
        yield _("Text for the buyer"), approval.reason
    if approval.decided_by_name:
        yield _("Decided by"), f"{approval.decided_by_name}, {format_time(approval.decided_at)}"
    if approval.note:
        yield _("Note of the decision"), approval.note


def _money_facts(approval: RefundApproval) -> Iterator[tuple[str, str]]:
    """Yield the parts of the money, of a single refund."""
    currency, zero = approval.currency, Decimal(0)
    amount, balance = approval.amount or zero, approval.balance or zero
    yield _("Refundable before"), format_money(balance, currency)
    yield _("Refundable afterwards"), format_money(balance - amount, currency)
    if approval.payment:
        yield _("Method and PG"), method_and_pg(approval.payment.pay_method, approval.payment.pg_provider)
    for label, part in ((_("Tax-free part"), approval.tax_free), (_("VAT part"), approval.vat_amount)):
        if part is not None:
            yield label, format_money(part, currency)
    if approval.retain_promotion is not None:
        yield _("Promotion"), _("Kept") if approval.retain_promotion else _("Not kept")


def _batch_facts(batch: RefundBatch) -> dict[str, Any]:
    """Return what a bulk refund would refund, and where its orders are listed."""
    preview = preview_of(batch)
    return {
        "batch": batch,
        "batch_name": batch_name(batch),
        "batch_url": batch_path(batch),
        "batch_lines_url": batch_path(batch),
        "sums": [sum_line(one) for one in preview.sums],
    }


def _card(request: StaffRequest, approval: RefundApproval, refund: RefundRecord | None) -> AccountCard | None:
    """Return the bank account that the money would go to, or went to."""
    return account_card(request.user, refund) if refund else request_account_card(request.user, approval)


def _notices(view: CurrentView | None) -> list[Notice]:
    """Return what keeps the request from being approved as it is, at the top of the page."""
    if view is None:
        return []
    return [Notice(problem.code, "error", problem.message) for problem in view.problems]


def _decision(
    approval: RefundApproval,
    user: User,
    view: CurrentView | None,
    warnings: list[Warned],
    typed: QueryDict | None,
) -> Decision | None:
    """Return what this user may do now; None for a request that is over, and for those who may do nothing."""
    if not approval.is_waiting or is_overdue(approval):
        return None
    if user.pk == approval.requested_by_id:
        return Decision(
            title=_("You asked for this refund"),
            lines=[
                _("Somebody else has to approve it. Nobody can approve what they asked for themselves."),
                _("You can withdraw it. The order can then be refunded in another way."),
            ],
            may_withdraw=True,
        )
    if not may_decide(user, approval):
        return None
    may_approve = not (view and view.problems)
    of_approving = [
        _("Approving sends the refund at once, exactly as shown. It cannot be undone."),
        _("The rules are checked once more. If anything has changed since you opened this page, nothing is sent."),
    ]
    return Decision(
        title=_("Your decision"),
        lines=[*(of_approving if may_approve else ()), _("Rejecting sends nothing. The requester sees your note.")],
        note=DecisionForm(typed)["note"],
        may_approve=may_approve,
        may_reject=True,
        button=_("Approve and refund %(amount)s") % {"amount": approval.shown_amount},
        ticks=[one for one in warnings if one.has_tick],
        was_sent=typed is not None,
    )
