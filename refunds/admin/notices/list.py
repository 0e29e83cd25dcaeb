"""The e-mails to buyers: what was sent to whom, why something was not, and sending it again."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action

from core.admin.browsing import Tab
from core.admin.display import day_and_hour, format_time, two_lines
from core.admin.filters import ChoiceFilter, SeoulDateFilter
from core.admin.lists import ReadOnlyAdmin
from core.admin.log import log, tell
from core.admin.pages import StaffRequest, staff_may
from core.queue import enqueue
from core.sentences import sentence as gettext
from refunds.admin.notices.badges import notice_badge
from refunds.admin.notices.pages import notice_settings, wording
from refunds.admin.search import search_refunds
from refunds.models import BuyerNotice, NoticeKind, NoticeStatus, RefundRecord
from refunds.notices.compose import told_amount
from refunds.notices.outbox import is_on, send_again
from refunds.permissions import may_manage_notices, may_refund_any, may_view_notices, may_view_refunds
from refunds.tasks import mail_buyers


class NoticeStatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "state"
    options = {
        **{status: (label, Q(status=status)) for status, label in NoticeStatus.choices},
        "retrying": (_("Trying again"), Q(status=NoticeStatus.WAITING) & ~Q(error="")),
    }


class NoticeKindFilter(ChoiceFilter):
    title = _("kind of e-mail")
    parameter_name = "kind"
    options = {kind: (label, Q(kind=kind)) for kind, label in NoticeKind.choices}


class BuyerNoticeAdmin(ReadOnlyAdmin):
    list_display = ("told", "order", "receiver", "state", "written", "sent")
    list_filter = (NoticeStatusFilter, NoticeKindFilter, ("created_at", SeoulDateFilter))
    list_select_related = ("refund__payment",)
    tabs = (
        Tab(_("All"), {}),
        Tab(_("Waiting"), {"state": "waiting"}),
        Tab(_("Not sent"), {"state": "failed"}),
    )
    search_fields = ("pk",)  # shows the search box; `get_search_results` searches
    search_help_text = _("Refund number; any part of an order, buyer or goods; an amount")
    actions = None
    actions_list = ("open_settings",)
    may_view = staticmethod(may_view_notices)
    change_form_outer_before_template = "admin/refunds/notices/notice.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("settings/", wrap(notice_settings), name="refunds_buyernotice_settings"),
            path("wording/<str:kind>/<str:language>/", wrap(wording), name="refunds_buyernotice_wording"),
            path("<int:pk>/again/", wrap(again), name="refunds_buyernotice_again"),
        ]
        return [*own, *super().get_urls()]

    def has_manage_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_manage_notices(request.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BuyerNotice], search_term: str
    ) -> tuple[QuerySet[BuyerNotice], bool]:
        if not search_term.strip():
            return queryset, False
        refunds = search_refunds(RefundRecord.objects.order_by(), search_term, newest=True)
        return queryset.filter(refund__in=refunds), False

    def get_fieldsets(self, request: HttpRequest, obj: BuyerNotice | None = None) -> list[Any]:
        """Return no fields: the overview shows everything."""
        return []

    def page_context(self, request: HttpRequest, obj: BuyerNotice) -> dict[str, Any]:
        ended = obj.status != NoticeStatus.WAITING
        history = LogEntry.objects.filter(content_type__model="buyernotice", object_id=str(obj.pk))
        resent = list(history.select_related("user").order_by("-action_time")[:10])
        tell(resent)
        return {
            "title": obj.get_kind_display(),
            "amount": told_amount(obj.refund, obj.kind),
            "state": notice_badge(obj),
            "written": format_time(obj.created_at),
            "sent": format_time(obj.sent_at),
            "next_try": format_time(obj.next_try_at),
            "may_open_refund": may_view_refunds(request.user),
            "may_send_again": ended and may_refund_any(request.user) and is_on(),
            "resent_by": resent,
        }

    @action(  # type: ignore[untyped-decorator]
        description=_("Settings and wording…"), url_path="to-settings", permissions=["manage"], icon="settings"
    )
    def open_settings(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:refunds_buyernotice_settings"))

    @admin.display(description=_("kind of e-mail"))
    def told(self, notice: BuyerNotice) -> SafeString:
        return two_lines(notice.get_kind_display(), told_amount(notice.refund, notice.kind))

    @admin.display(description=_("order"))
    def order(self, notice: BuyerNotice) -> SafeString:
        lines = two_lines(notice.refund.payment.merchant_uid, notice.refund.number)
        url = reverse("admin:refunds_refundrecord_change", args=[notice.refund_id])
        return format_html('<a class="rd-link" href="{}">{}</a>', url, lines)

    @admin.display(description=_("recipient"))
    def receiver(self, notice: BuyerNotice) -> SafeString:
        payment = notice.refund.payment
        return two_lines(notice.to or payment.buyer_email, payment.buyer_name)

    @admin.display(description=_("status"))
    def state(self, notice: BuyerNotice) -> SafeString:
        return notice_badge(notice)

    @admin.display(description=_("written at"))
    def written(self, notice: BuyerNotice) -> SafeString:
        return day_and_hour(notice.created_at)

    @admin.display(description=_("sent at"))
    def sent(self, notice: BuyerNotice) -> SafeString:
        return day_and_hour(notice.sent_at)


@require_POST
@staff_may(may_refund_any)
def again(request: StaffRequest, pk: int) -> HttpResponse:
    """Make a notice due again, and go back to it."""
    notice = get_object_or_404(BuyerNotice, pk=pk)
    if send_again(notice):
        log(request.user, notice, text=gettext("Sent again"))
        enqueue(mail_buyers)
        messages.success(request, gettext("The e-mail will be sent again."), extra_tags="sent_again")
    else:
        messages.info(request, gettext("This e-mail is waiting to be sent already."), extra_tags="waiting_already")
    return HttpResponseRedirect(reverse("admin:refunds_buyernotice_change", args=[notice.pk]))
