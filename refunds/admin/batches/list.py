"""The list of bulk refunds, and the addresses of their pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin.browsing import BrowsingChangeList
from core.admin.display import day_and_hour, two_lines
from core.admin.filters import ChoiceFilter, OptionFilter, SeoulDateFilter
from core.admin.lists import ReadOnlyAdmin
from refunds.admin.batches import actions, downloads, pages
from refunds.admin.batches.display import status_badge
from refunds.admin.batches.new import new, template
from refunds.admin.batches.totals import totals_of
from refunds.batches.words import batch_name, batch_path
from refunds.models import STARTED, BatchStatus, RefundBatch
from refunds.permissions import may_refund_any, may_view_payments

PEOPLE_SHOWN = 100


class StatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"
    options = {
        "open": (_("Running or paused"), Q(status__in=STARTED)),
        **{status: (label, Q(status=status)) for status, label in BatchStatus.choices},
    }


class RequesterFilter(OptionFilter):
    """Filter by who made the bulk refund."""

    title = _("requested by")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        names = RefundBatch.objects.exclude(requested_by_name="").order_by("requested_by_name")
        found = names.values_list("requested_by_name", flat=True).distinct()[:PEOPLE_SHOWN]
        return [(name, name) for name in found]

    def is_option(self, value: str) -> bool:
        """Take any name: not all are offered."""
        return "\x00" not in value

    def keep(self, queryset: QuerySet[RefundBatch], value: str) -> QuerySet[RefundBatch]:
        return queryset.filter(requested_by_name=value)


class BatchList(BrowsingChangeList):
    """The list, with the totals of the batches that are shown."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        totals = totals_of(self.result_list)
        for batch in self.result_list:
            batch.totals = totals[batch.pk]


class RefundBatchAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "orders", "money", "asked", "made")
    list_display_links = None
    list_filter = (StatusFilter, RequesterFilter, ("created_at", SeoulDateFilter))
    may_view = staticmethod(may_view_payments)
    actions = None
    actions_list = ("new_from_file",)

    def get_urls(self) -> list[URLPattern]:
        each = "<uuid:token>/"
        own = [
            ("new/", new, "new"),
            ("template/<str:kind>/", template, "template"),
            (each, pages.page, "page"),
            (f"{each}check/", actions.check, "check"),
            (f"{each}leave-out/", actions.leave, "leave_out"),
            (f"{each}start/", actions.start, "start"),
            (f"{each}pause/", actions.pause, "pause"),
            (f"{each}resume/", actions.resume, "resume"),
            (f"{each}stop/", actions.stop, "stop"),
            (f"{each}retry/", actions.retry, "retry"),
            (f"{each}problems/<str:kind>/", downloads.problems, "problems"),
            (f"{each}report/<str:kind>/", downloads.report, "report"),
        ]
        wrap = self.admin_site.admin_view
        return [
            *(path(route, wrap(view), name=f"refunds_refundbatch_{name}") for route, view, name in own),
            *super().get_urls(),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BatchList]:
        return BatchList

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_refund_any(request.user)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the bulk refund's own page, which has its token in the address."""
        if not self.has_view_permission(request) or not object_id.isdecimal():
            answer: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
            return answer
        return HttpResponseRedirect(batch_path(get_object_or_404(RefundBatch, pk=int(object_id))))

    @action(  # type: ignore[untyped-decorator]
        description=_("New bulk refund from a file…"),
        url_path="from-file",
        permissions=["refund"],
        icon="upload_file",
        variant=ActionVariant.PRIMARY,
    )
    def new_from_file(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:refunds_refundbatch_new"))

    @admin.display(description=_("bulk refund"))
    def name(self, batch: RefundBatch) -> SafeString:
        detail = str(batch.get_origin_display()) if batch.title else batch.reason
        return format_html(
            '<a class="rd-link" href="{}">{}</a>', batch_path(batch), two_lines(batch_name(batch), detail)
        )

    @admin.display(description=_("status"))
    def state(self, batch: RefundBatch) -> SafeString:
        return status_badge(batch)

    @admin.display(description=_("orders"))
    def orders(self, batch: RefundBatch) -> SafeString | str:
        totals = batch.totals  # type: ignore[attr-defined]
        notes = []
        if totals.failed:
            notes.append(gettext("%(count)s failed") % {"count": f"{totals.failed:,}"})
        if totals.problems:
            notes.append(gettext("%(count)s with a problem") % {"count": f"{totals.problems:,}"})
        return two_lines(f"{totals.orders:,}", " · ".join(notes))

    @admin.display(description=_("refunded"))
    def money(self, batch: RefundBatch) -> str:
        return " + ".join(batch.totals.money) or "–"  # type: ignore[attr-defined]

    @admin.display(description=_("requested by"))
    def asked(self, batch: RefundBatch) -> SafeString:
        return two_lines(batch.requested_by_name or "–", batch.get_source_display())

    @admin.display(description=_("made at"))
    def made(self, batch: RefundBatch) -> SafeString:
        return day_and_hour(batch.created_at)
