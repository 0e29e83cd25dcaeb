"""Badges and words of approval requests, for the list and the pages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from core.admin.display import badge, format_time
from core.permissions import AnyUser
from payments.models import Payment
from refunds.approvals.words import approval_path, decider_names
from refunds.batches.words import batch_name
from refunds.models import ApprovalStatus, BatchStatus, RefundApproval, RefundBatch
from refunds.permissions import may_view_approvals
from refunds.services.approval_requests import AWAITING

_SHOWN = 5  # requests on the page of a bulk refund; its lines lead to the others
COLOURS = {
    ApprovalStatus.WAITING: "amber",
    ApprovalStatus.APPROVED: "green",
    ApprovalStatus.REJECTED: "red",
    ApprovalStatus.EXPIRED: "grey",
    ApprovalStatus.WITHDRAWN: "grey",
}


def status_badge(approval: RefundApproval) -> SafeString:
    """Return the status as a badge; a request whose time is over is expired, even before the worker wrote that."""
    status = ApprovalStatus.EXPIRED if is_overdue(approval) else ApprovalStatus(approval.status)
    return badge(COLOURS[status], status.label, code=status.value)


def waiting_badge(approvals: Iterable[RefundApproval]) -> SafeString | str:
    """Return a badge for a payment's waiting request; empty if it has none, or its time is over."""
    return next((status_badge(approval) for approval in approvals if not is_overdue(approval)), "")


def waiting_approval(payment: Payment, user: AnyUser) -> dict[str, Any] | None:
    """Return the payment's waiting request for its page, with its link for those who may open it; None without one."""
    approval = payment.approvals.waiting().first()
    if approval is None or is_overdue(approval):
        return None
    url = approval_path(approval) if may_view_approvals(user) else ""
    return {"approval": approval, "url": url, "expires": left(approval.expires_at)}


def approval_of_batch(batch: RefundBatch, user: AnyUser) -> dict[str, Any]:
    """Return the request of a whole bulk refund for its page: the one that waits, or how the latest one ended."""
    latest = batch.approvals.first()
    is_refused = latest is not None and latest.status not in (ApprovalStatus.WAITING, ApprovalStatus.APPROVED)
    return {
        "approval": latest if latest and latest.is_waiting else None,
        "refused": latest if is_refused and batch.status == BatchStatus.CHECKED else None,
        "deciders": decider_names(latest.requested_by_id) if latest and latest.is_waiting else [],
        "may_view_approvals": may_view_approvals(user),
    }


def approvals_of_orders(batch: RefundBatch) -> list[dict[str, Any]]:
    """Return the waiting requests of single orders of a bulk refund, with who may decide them; a few of many."""
    orders = batch.items.filter(error_code=AWAITING).values("payment")
    waiting = RefundApproval.objects.waiting().filter(payment__in=orders).order_by("requested_at")[:_SHOWN]
    return [{"approval": each, "deciders": decider_names(each.requested_by_id)} for each in waiting]


def is_overdue(approval: RefundApproval) -> bool:
    return approval.is_waiting and approval.expires_at <= timezone.now()


def age(at: datetime) -> str:
    """Return how long ago it was: "3 hours"."""
    return timesince(at, timezone.now(), depth=1)


def left(until: datetime) -> str:
    """Return when it is over, with the time until then."""
    if until <= timezone.now():
        return format_time(until)
    return _("%(at)s (in %(time)s)") % {"at": format_time(until), "time": timeuntil(until, timezone.now(), depth=1)}


def subject(approval: RefundApproval) -> str:
    """Return what would be refunded: the order's number, or the bulk refund's name."""
    if approval.payment is not None:
        return approval.payment.merchant_uid
    return batch_name(approval.batch) if approval.batch else ""


def list_url(**query: str) -> str:
    return reverse("admin:refunds_refundapproval_changelist", query=query or None)
