"""The list of approval requests, and the addresses of their pages. They are decided on their page."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.admin.browsing import Tab
from core.admin.display import badge, day_and_hour, format_time, linked_lines, two_lines
from core.admin.filters import ChoiceFilter, SeoulDateFilter
from core.admin.lists import ReadOnlyAdmin
from payments.templatetags.payment_display import test_mark
from refunds.admin.approval_badges import age, status_badge, subject
from refunds.admin.approvals import account, page
from refunds.admin.filters import SourceFilter
from refunds.approvals.words import approval_path, refunders
from refunds.models import ApprovalStatus, RefundApproval
from refunds.permissions import may_view_approvals

DECIDED = Q(status__in=[status for status in ApprovalStatus if status != ApprovalStatus.WAITING])


class StatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"
    options = {
        "decided": (_("Decided or over"), DECIDED),
        **{status: (label, Q(status=status)) for status, label in ApprovalStatus.choices},
    }


class RefundApprovalAdmin(ReadOnlyAdmin):
    list_display = ("name", "money", "state", "buyer", "asked", "said", "waited", "until")
    list_display_links = None
    list_filter = (StatusFilter, SourceFilter, ("requested_at", SeoulDateFilter))
    list_select_related = ("payment", "batch", "requested_by", "api_token")
    tabs = (
        Tab(ApprovalStatus.WAITING.label, {"status": "waiting"}),
        Tab(_("Decided or over"), {"status": "decided"}),
        Tab(pgettext_lazy("rows", "All"), {}),
    )
    # Those that wait, the oldest first; then the others, the newest first.
    ordering = (
        Case(When(status=ApprovalStatus.WAITING, then="requested_at")).asc(nulls_last=True),
        "-requested_at",
        "-id",
    )
    search_fields = ("number__iexact", "payment__merchant_uid__iexact", "requested_by_name__icontains")
    search_help_text = _("Approval number, order number or requester")
    actions = None
    may_view = staticmethod(may_view_approvals)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundApproval]:
        approvals: QuerySet[RefundApproval] = super().get_queryset(request)
        may_still = Exists(refunders().filter(pk=OuterRef("requested_by")))
        return approvals.annotate(may_still_refund=Case(When(requested_by=None, then=True), default=may_still))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        each = "request/<slug:number>/"
        own = [
            path(each, wrap(page.page), name="refunds_refundapproval_page"),
            path(f"{each}account/", wrap(account.account), name="refunds_refundapproval_account"),
        ]
        return [*own, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the request's own page, which has its number in the address."""
        if not self.has_view_permission(request) or not object_id.isdecimal():
            answer: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
            return answer
        return HttpResponseRedirect(approval_path(get_object_or_404(RefundApproval, pk=int(object_id))))

    @admin.display(description=_("request"))
    def name(self, approval: RefundApproval) -> SafeString:
        mark = test_mark(approval.payment) if approval.payment else ""
        return linked_lines(approval_path(approval), subject(approval), approval.number, marks=mark)

    @admin.display(description=_("amount"))
    def money(self, approval: RefundApproval) -> SafeString:
        count = ngettext("%(count)s order", "%(count)s orders", approval.orders) % {"count": f"{approval.orders:,}"}
        return two_lines(approval.shown_amount or "–", count if approval.batch_id else "")

    @admin.display(description=_("status"))
    def state(self, approval: RefundApproval) -> SafeString:
        token = approval.api_token
        is_token_valid = token is None or token.is_usable(timezone.now())
        if not approval.is_waiting or (is_token_valid and getattr(approval, "may_still_refund", True)):
            return status_badge(approval)
        return format_html("{} {}", status_badge(approval), badge("red", _("Requester gone"), code="requester_gone"))

    @admin.display(description=_("buyer"))
    def buyer(self, approval: RefundApproval) -> str:
        return (approval.payment.buyer_name if approval.payment else "") or "–"

    @admin.display(description=_("requested by"))
    def asked(self, approval: RefundApproval) -> SafeString:
        return two_lines(approval.requested_by_name or "–", approval.get_source_display())

    @admin.display(description=_("reason"))
    def said(self, approval: RefundApproval) -> SafeString:
        name, text = approval.reason_name, approval.reason
        return two_lines(name or text or "–", text if name else "")

    @admin.display(description=pgettext_lazy("time", "requested"))
    def waited(self, approval: RefundApproval) -> SafeString:
        ago = gettext("%(time)s ago") % {"time": age(approval.requested_at)}
        return two_lines(ago, format_time(approval.requested_at))

    @admin.display(description=_("expires or decided"))
    def until(self, approval: RefundApproval) -> SafeString:
        if not approval.is_waiting:
            return two_lines(format_time(approval.decided_at), approval.decided_by_name)
        return day_and_hour(approval.expires_at)
