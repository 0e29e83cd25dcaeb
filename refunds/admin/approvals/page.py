"""The page of one approval request: what would be sent, who asks, what is known, and the decision. It moves on POST."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.errors import DomainError
from core.queue import enqueue
from refunds.admin.approval_badges import is_overdue
from refunds.admin.approvals.facts import page_facts
from refunds.admin.approvals.warnings import warnings_of
from refunds.admin.bulk_refund.typed import forget_typed, keep_typed, typed_before
from refunds.approvals.decide import approve, reject, withdraw
from refunds.approvals.errors import NoteRequired
from refunds.approvals.view import current_view
from refunds.approvals.words import approval_path
from refunds.errors import RefundNotDone
from refunds.models import MAX_DECISION_NOTE, RefundApproval, RefundStatus
from refunds.permissions import may_view_approvals
from refunds.tasks import run_batches


def find_approval_or_404(number: str) -> RefundApproval:
    found = RefundApproval.objects.select_related("payment", "batch", "requested_by", "api_token")
    return get_object_or_404(found, number=number.upper())


@require_http_methods(["GET", "POST"])
@staff_may(may_view_approvals)
def page(request: StaffRequest, number: str) -> HttpResponse:
    """Show the request as it is now; on POST decide it, and show it again, with its result or with what is missing."""
    approval = find_approval_or_404(number)
    if request.method == "POST":
        _decide(request, approval)
        return HttpResponseRedirect(approval_path(approval))
    typed = typed_before(request, approval.number)
    forget_typed(request, approval.number)
    view = current_view(approval) if approval.is_waiting and not is_overdue(approval) else None
    return admin_page(
        request,
        "admin/refunds/approvals/page.html",
        _("Approval request %(number)s") % {"number": approval.number},
        **page_facts(request, approval, view, typed),
    )


def _decide(request: StaffRequest, approval: RefundApproval) -> None:
    """Do what was pressed, and say what became of it. What was typed is kept if nothing was decided."""
    decide = {"approve": _approve, "reject": _reject, "withdraw": _withdraw}.get(request.POST.get("do", ""))
    if decide is None:
        keep_typed(request, approval.number)
        return
    try:
        decide(request, approval)
    except RefundNotDone as exc:  # approved and sent: the page shows what became of it
        messages.warning(request, _("Approved. %(result)s") % {"result": exc.message}, extra_tags=exc.code)
    except NoteRequired:
        keep_typed(request, approval.number)  # the page says it beside the input
    except DomainError as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
        keep_typed(request, approval.number)


def _approve(request: StaffRequest, approval: RefundApproval) -> None:
    """Approve what the page showed, if each warning that has to be is ticked."""
    view = current_view(approval)
    warnings = warnings_of(approval, view.warnings, request.POST.getlist("read"))
    if approval.is_waiting and any(one.has_tick and not one.is_read for one in warnings):
        message = _("Nothing was sent. Read what is marked, tick it, and press Approve again.")
        messages.warning(request, message, extra_tags="unread")
        keep_typed(request, approval.number)
        return
    refund = approve(approval=approval, user=request.user, note=_note(request), seen=request.POST.get("seen", ""))
    if approval.batch_id:
        enqueue(run_batches)
    if refund is not None and refund.status in (RefundStatus.FAILED, RefundStatus.UNKNOWN):  # the page says why
        told = _("Approved. %(result)s") % {"result": refund.get_status_display()}
        messages.warning(request, told, extra_tags="approved")
    else:
        messages.success(request, _("Approved."), extra_tags="approved")


def _reject(request: StaffRequest, approval: RefundApproval) -> None:
    reject(approval=approval, user=request.user, note=_note(request))
    messages.success(request, _("Rejected. Nothing was sent."), extra_tags="rejected")


def _withdraw(request: StaffRequest, approval: RefundApproval) -> None:
    withdraw(approval=approval, user=request.user)
    messages.success(request, _("Withdrawn. Nothing was sent."), extra_tags="withdrawn")


def _note(request: StaffRequest) -> str:
    return str(request.POST.get("note", ""))[:MAX_DECISION_NOTE].strip()
