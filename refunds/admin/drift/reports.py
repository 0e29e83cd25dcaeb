"""Reconciliation reports for staff: where our ledger and i'mport differed. Nobody edits them; some may make one."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin.display import badge, two_lines
from core.admin.filters import ChoiceFilter, SeoulDateFilter
from core.admin.lists import ReadOnlyAdmin
from core.claims import Progress
from refunds.admin.drift import views
from refunds.admin.drift.lines import lines, payments_that_differ, waiting_refunds, with_sign
from refunds.admin.drift.views import compare, download, repair
from refunds.admin.worker import delay_text
from refunds.models import ReconciliationReport
from refunds.permissions import may_repair, may_resolve, may_view_reports

BADGES = {
    Progress.WAITING: ("grey", _("Waiting")),
    Progress.RUNNING: ("blue", _("Running")),
    Progress.STALLED: ("blue", _("Running")),
    Progress.SILENT: ("red", _("Stopped early")),
    Progress.FINISHED: ("grey", _("Finished")),
}


class OutcomeFilter(ChoiceFilter):
    title = _("result")
    parameter_name = "result"
    options = {
        "agrees": (_("No discrepancies"), Q(found=0, finished_at__isnull=False)),
        "repaired": (
            _("All discrepancies repaired"),
            Q(found__gt=0, repaired=F("found"), finished_at__isnull=False),
        ),
        "differs": (_("Unresolved discrepancies"), Q(repaired__lt=F("found"))),
        "broken_off": (_("Not finished"), Q(finished_at__isnull=True)),
    }


class ModeFilter(ChoiceFilter):
    title = _("kind")
    parameter_name = "mode"
    options = {
        "check": (_("Compared only"), Q(check_only=True)),
        "repair": (_("Compared and repaired"), Q(check_only=False)),
    }


def end_badge(report: ReconciliationReport) -> SafeString:
    """Return whether the comparison came to its end."""
    return badge(*BADGES[Progress.SILENT if report.error else report.progress], report.error)


def result_badge(report: ReconciliationReport) -> SafeString:
    """Return what the comparison says of the ledger, in a word."""
    if report.is_over and report.remaining:
        return badge("amber", unresolved_text(report))
    if not report.finished_at:
        return end_badge(report)
    return badge("green", gettext("All repaired") if report.found else gettext("No discrepancies"))


def unresolved_text(report: ReconciliationReport) -> str:
    left = report.remaining
    return ngettext("%(count)s unresolved discrepancy", "%(count)s unresolved discrepancies", left) % {"count": left}


def period(report: ReconciliationReport) -> str:
    """Return the days it covers, in Korea."""
    first, last = timezone.localdate(report.since), timezone.localdate(report.until)
    return f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} – {last:%Y-%m-%d}"


class ReconciliationReportAdmin(ReadOnlyAdmin):
    list_display = ("days", "started_at", "compared", "found", "left", "difference", "end")
    list_filter = (OutcomeFilter, ModeFilter, ("started_at", SeoulDateFilter))
    actions = None
    may_view = staticmethod(may_view_reports)
    actions_list = ("compare_now",)
    change_form_template = "admin/refunds/report.html"
    change_form_outer_before_template = "admin/refunds/drift_overview.html"

    class Media:
        js = (Script("refunds/admin/once.js", defer=True),)

    def has_compare_permission(self, request: HttpRequest) -> bool:
        return may_resolve(request.user)

    def get_fieldsets(self, request: HttpRequest, obj: ReconciliationReport | None = None) -> list[Any]:
        """Return no fields: the overview shows everything."""
        return []

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        own = [
            path("<int:pk>/report/<str:kind>/", site.admin_view(download), name="refunds_reconciliationreport_report"),
            path("<int:pk>/repair/", site.admin_view(repair), name="refunds_reconciliationreport_repair"),
        ]
        return [*own, *super().get_urls()]

    @action(  # type: ignore[untyped-decorator]
        description=_("Compare now…"),
        url_path="compare",
        permissions=["compare"],
        icon="compare_arrows",
        variant=ActionVariant.PRIMARY,
    )
    def compare_now(self, request: HttpRequest) -> HttpResponse:
        return compare(request)

    def page_context(self, request: HttpRequest, obj: ReconciliationReport) -> dict[str, Any]:
        shown = list(lines(request.user, payments_that_differ(obj, views.SHOWN)))
        asked = [one.repair_requested_at for line in shown for one in line.found if one.repair_requested_at]
        progress = Progress.WAITING if asked else obj.progress
        is_over = obj.is_over and not asked
        may_repair_any = is_over and may_repair(request.user)
        return {
            "title": period(obj),
            "result": result_badge(obj),
            "end": end_badge(obj),
            "sums": [(refunded, with_sign(refunded)) for refunded in obj.refunded],
            "lines": shown,
            "hidden": max(obj.found - len(shown), 0),
            "waiting": waiting_refunds(request.user, obj),
            "may_repair": may_repair_any,
            "may_repair_all": may_repair_any and sum(line.may_be_repaired for line in shown) > 1,
            "is_followed": not is_over,
            "total": max(obj.total, obj.compared),
            "to_repair": sum(line.state == "repairing" for line in shown),
            "no_worker": "" if is_over else delay_text(progress, max(asked, default=obj.started_at)),
        }

    @admin.display(description=_("period"))
    def days(self, report: ReconciliationReport) -> SafeString:
        mode = gettext("Compared only") if report.check_only else gettext("Compared and repaired")
        return two_lines(period(report), mode)

    @admin.display(description=_("unresolved"))
    def left(self, report: ReconciliationReport) -> SafeString:
        return badge("amber" if report.remaining else "green", str(report.remaining))

    @admin.display(description=_("difference"))
    def difference(self, report: ReconciliationReport) -> str:
        return ", ".join(with_sign(refunded) for refunded in report.refunded if refunded.difference) or "–"

    @admin.display(description=_("status"))
    def end(self, report: ReconciliationReport) -> SafeString:
        return end_badge(report)
