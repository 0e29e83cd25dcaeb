"""The ledger of refunds for staff: nobody edits it."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.admin.browsing import Tab
from core.admin.display import badge, copy_button, day_and_hour, pairs, two_lines, with_copy_button
from core.admin.filters import SeoulDateFilter
from core.admin.lists import ReadOnlyAdmin
from core.money import format_money
from payments.admin.search import warn_if_short, warn_of_missing
from payments.labels import method_label
from payments.templatetags.payment_display import test_mark
from refunds.admin.arrival import arrival, arrival_card
from refunds.admin.bank_account import account, account_card
from refunds.admin.export import RefundExportingAdmin
from refunds.admin.filters import (
    ArrivalFilter,
    FaultFilter,
    NeedsReviewFilter,
    PersonFilter,
    ReasonFilter,
    RefundCurrencyFilter,
    RefundedFilter,
    RefundMethodFilter,
    RefundPgFilter,
    RefundStatusFilter,
    RefusalFilter,
    SourceFilter,
    TestFilter,
    TokenFilter,
)
from refunds.admin.notes import note_entries, note_form, note_on_refund
from refunds.admin.notices.badges import notice_badge
from refunds.admin.overview.file import figures_file
from refunds.admin.progress import waiting
from refunds.admin.resolution import close, close_url, reviewed, reviewed_url
from refunds.admin.search import known_numbers, search_refunds
from refunds.admin.statements.slip import slip
from refunds.admin.timeline import timeline
from refunds.admin.try_again import try_again_url
from refunds.approvals.words import approval_path
from refunds.models import RefundRecord
from refunds.permissions import may_refund_any, may_view_approvals, may_view_payments, may_view_refunds
from refunds.templatetags.refund_display import refund_badge

# A cancel that was added later ended when i'mport executed it.
ENDED_AT = Coalesce("cancelled_at", "settled_at")


class RefundRecordAdmin(RefundExportingAdmin, ReadOnlyAdmin):
    list_display = ("number", "order", "money", "state", "asked", "asked_at", "settled_time")
    list_filter = (
        RefundStatusFilter,
        ReasonFilter,
        FaultFilter,
        RefundMethodFilter,
        RefundPgFilter,
        SourceFilter,
        PersonFilter,
        TokenFilter,
        RefusalFilter,
        ArrivalFilter,
        NeedsReviewFilter,
        TestFilter,
        RefundCurrencyFilter,
        ("requested_at", SeoulDateFilter),
        ("cancelled_at", RefundedFilter),
        ("settled_at", SeoulDateFilter),
    )
    list_select_related = ("payment", "requested_by", "api_token")
    sortable_by = ("money", "asked_at", "settled_time")
    in_order_of = "asked_at"
    tabs = (
        Tab(pgettext_lazy("rows", "All"), {}),
        Tab(_("Open"), {"status": "open"}),
        Tab(_("Failed"), {"status": "failed"}),
        Tab(_("Late"), {"arrival": "late"}),
        Tab(_("Needs review"), {"review": "needed"}),
    )
    search_fields = ("number",)
    search_help_text = _("Refund number; any part of an order, buyer or goods; an amount")
    change_form_outer_before_template = "admin/refunds/refund_overview.html"
    actions = ("export_selected",)
    may_view = staticmethod(may_view_refunds)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = [
            path("figures/", site.admin_view(figures_file), name="refunds_refundrecord_figures"),
            path("<int:pk>/close/", site.admin_view(close), name="refunds_refundrecord_close"),
            path("<int:pk>/arrival/", site.admin_view(arrival), name="refunds_refundrecord_arrival"),
            path("<int:pk>/note/", site.admin_view(note_on_refund), name="refunds_refundrecord_note"),
            path("<int:pk>/slip/", site.admin_view(slip), name="refunds_refundrecord_slip"),
            path("<int:pk>/account/", site.admin_view(account), name="refunds_refundrecord_account"),
            path("<int:pk>/reviewed/", site.admin_view(reviewed), name="refunds_refundrecord_reviewed"),
        ]
        return [*own, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RefundRecord], search_term: str
    ) -> tuple[QuerySet[RefundRecord], bool]:
        is_shown = request.method == "GET"
        if is_shown:
            warn_if_short(request, search_term)
            warn_of_missing(request, search_term, known_numbers(search_term))
        return search_refunds(queryset, search_term, newest=is_shown), False

    def get_fieldsets(self, request: HttpRequest, obj: RefundRecord | None = None) -> list[Any]:
        parts = [name for name in ("tax_free", "vat_amount") if obj and getattr(obj, name) is not None]
        kept = ["retain_promotion"] if obj and obj.retain_promotion is not None else []
        asked = [
            *(["chosen_reason", "details"] if obj and obj.reason_code else ["reason"]),
            *kept,
            *(["requester"] if obj and obj.requester else []),
            *(f"{name}_money" for name in parts),
        ]
        done = ["cancellation_number", "pg_number", "cancelled_at", "error_code"]
        sections = [(_("Request"), asked), (_("At i'mport"), done)]
        return [(title, {"fields": list(pairs(names))}) for title, names in sections if names]

    def get_readonly_fields(self, request: HttpRequest, obj: RefundRecord | None = None) -> list[str]:
        rows = [row for _title, options in self.get_fieldsets(request, obj) for row in options["fields"]]
        return [name for row in rows for name in row]

    def page_context(self, request: HttpRequest, obj: RefundRecord) -> dict[str, Any]:
        notes = note_entries(obj.notes.all(), name_refunds=False) if may_view_payments(request.user) else ()
        return {
            "title": obj.number,
            "method": method_label(obj.payment.pay_method),
            "may_view_tokens": request.user.has_perm("access.view_apitoken"),
            "card": account_card(request.user, obj),
            "arrival": arrival_card(request.user, obj),
            "notices": [(notice, notice_badge(notice)) for notice in obj.notices.order_by("pk")],
            "timeline": sorted([*timeline(obj), *notes], key=lambda entry: entry.at),
            "note_form": note_form(request.user, obj),
            "approval": obj.approval,
            "approval_url": approval_path(obj.approval) if obj.approval and may_view_approvals(request.user) else "",
            "waiting": waiting(obj),
            "may_check": obj.is_live and may_refund_any(request.user),
            "close_url": close_url(request.user, obj),
            "try_again_url": try_again_url(request, obj),
            "reviewed_url": reviewed_url(request.user, obj),
        }

    @admin.display(description=_("order"))
    def order(self, record: RefundRecord) -> SafeString:
        payment = record.payment
        url = reverse("admin:payments_payment_change", args=[payment.pk])
        link = format_html('<a class="rd-link" href="{}">{}</a>', url, payment.merchant_uid)
        number = format_html("{}{}{}", link, copy_button(payment.merchant_uid), test_mark(payment))
        return two_lines(number, payment.buyer_name)

    @admin.display(description=_("amount"), ordering=Coalesce("cancelled_amount", "amount"))
    def money(self, record: RefundRecord) -> str:
        amount = record.shown_amount
        return format_money(amount, record.payment.currency)

    @admin.display(description=_("status"))
    def state(self, record: RefundRecord) -> SafeString:
        review = badge("amber", gettext("Needs review")) if record.needs_review else ""
        return format_html_join(" ", "{}", ((part,) for part in (refund_badge(record), review) if part))

    @admin.display(description=_("requested by"))
    def asked(self, record: RefundRecord) -> SafeString:
        return two_lines(record.requested_by_name or "–", record.get_source_display())

    @admin.display(description=pgettext_lazy("time", "requested"), ordering="requested_at")
    def asked_at(self, record: RefundRecord) -> SafeString:
        return day_and_hour(record.requested_at)

    @admin.display(description=pgettext_lazy("time", "settled"), ordering=ENDED_AT)
    def settled_time(self, record: RefundRecord) -> SafeString:
        return day_and_hour(record.cancelled_at or record.settled_at)

    @admin.display(description=pgettext_lazy("of a refund's reason", "Details"))
    def details(self, record: RefundRecord) -> str:
        return record.reason

    @admin.display(description=_("reason"))
    def chosen_reason(self, record: RefundRecord) -> SafeString:
        fault = gettext("Fault: %(fault)s") % {"fault": record.get_fault_display()} if record.fault else ""
        return two_lines(record.reason_name, fault)

    @admin.display(description=_("cancellation number"))
    def cancellation_number(self, record: RefundRecord) -> SafeString | str:
        return with_copy_button(record.cancellation_id)

    @admin.display(description=_("PG transaction"))
    def pg_number(self, record: RefundRecord) -> SafeString | str:
        return with_copy_button(record.pg_tid)

    @admin.display(description=_("tax-free part"))
    def tax_free_money(self, record: RefundRecord) -> str:
        return format_money(record.tax_free or Decimal(0), record.payment.currency)

    @admin.display(description=_("VAT part"))
    def vat_amount_money(self, record: RefundRecord) -> str:
        return format_money(record.vat_amount or Decimal(0), record.payment.currency)
