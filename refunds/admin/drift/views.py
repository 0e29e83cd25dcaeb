"""The admin's pages of a reconciliation report: compare a period, repair what was found, download it as a file."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.dates import DayField, read_day
from core.exports.files import file_response
from core.queue import enqueue
from refunds import tasks
from refunds.admin.drift.file import report_rows, report_totals
from refunds.admin.drift.lines import payments_that_differ
from refunds.models import ReconciliationReport
from refunds.permissions import may_repair, may_resolve, may_view_reports
from refunds.reconciliation.drift import request_comparison
from refunds.reconciliation.repair import repair as repair_now
from refunds.reconciliation.repair import request_repair

DEFAULT_DAYS = 7
MAX_DAYS = 90
SHOWN = 200  # payments on the page; the files have all
ALL = "all"
MODES = (
    ("check", gettext_lazy("Compare only (change nothing)")),
    ("repair", gettext_lazy("Compare and repair")),
)


class CompareForm(forms.Form):
    """A period in Korean days, both included, and whether to repair."""

    since = DayField(label=gettext_lazy("From"))
    until = DayField(label=gettext_lazy("To"))
    mode = forms.ChoiceField(label=gettext_lazy("What to do"), choices=MODES, widget=forms.RadioSelect)

    def __init__(self, data: object = None, given: Mapping[str, str] | None = None) -> None:
        """`given`: the days of a link to this form."""
        today = timezone.localdate()
        days = {"since": today - timedelta(days=DEFAULT_DAYS - 1), "until": today}
        for name in days:
            with suppress(ValueError):
                days[name] = read_day((given or {}).get(name, ""))
        super().__init__(data, initial={**days, "mode": "check"})  # type: ignore[arg-type]
        for name in ("since", "until"):
            attributes = {"class": "rd-input", "type": "date", "max": f"{today:%Y-%m-%d}"}
            self.fields[name].widget = forms.DateInput(attributes, "%Y-%m-%d")

    def clean(self) -> dict[str, object]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since is not None and until is not None:
            self._check_period(since, until)
        return self.cleaned_data

    def _check_period(self, since: date, until: date) -> None:
        if until < since:
            self.add_error("until", ValidationError(_("The last day is before the first."), code="period_reversed"))
        elif since > timezone.localdate():
            self.add_error("since", ValidationError(_("This day is in the future."), code="period_in_future"))
        elif (until - since).days >= MAX_DAYS:
            message = _("At most %(days)s days at a time.") % {"days": MAX_DAYS}
            self.add_error("until", ValidationError(message, code="period_too_long"))

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The start of the first day and the end of the last day, but never later than now."""
        end = timezone.make_aware(datetime.combine(self.cleaned_data["until"], time.max))
        return timezone.make_aware(datetime.combine(self.cleaned_data["since"], time.min)), min(end, timezone.now())


@require_http_methods(["GET", "POST"])
@staff_may(may_resolve)
def compare(request: StaffRequest) -> HttpResponse:
    """Show the form; on POST, have the period compared by a worker and show the report."""
    form = CompareForm(request.POST if request.method == "POST" else None, request.GET)
    if request.method == "POST" and form.is_valid():
        since, until = form.period
        report = request_comparison(since=since, until=until, check_only=form.cleaned_data["mode"] == "check")
        enqueue(tasks.compare, report.pk)
        return HttpResponseRedirect(reverse("admin:refunds_reconciliationreport_change", args=[report.pk]))
    return admin_page(request, "admin/refunds/compare.html", _("Compare with i'mport"), form=form, max_days=MAX_DAYS)


@require_safe
@staff_may(may_view_reports)
def download(request: StaffRequest, pk: int, kind: str) -> HttpResponseBase:
    """Return all payments of a report that differ as a file, in the reader's language."""
    report = get_object_or_404(ReconciliationReport, pk=pk)
    rows = report_rows(request.user, report)
    return file_response(rows, kind, f"reconciliation-report-{report.pk}", lambda: report_totals(report))


@require_POST
@staff_may(may_repair)
def repair(request: StaffRequest, pk: int) -> HttpResponse:
    """Repair one payment at once, or leave all payments that the page shows to a worker."""
    report = get_object_or_404(ReconciliationReport, pk=pk)
    wanted = request.POST.get("payment", "")
    shown = payments_that_differ(report, SHOWN) if report.is_over else []
    chosen = [one for found in shown for one in found if one.is_repairable and wanted in (ALL, one.imp_uid)]
    if not chosen:
        messages.info(request, _("There is nothing left to repair."), extra_tags="nothing_left")
    elif len({one.imp_uid for one in chosen}) == 1:
        repair_now(report=report, found=chosen)
    else:
        request_repair(report.discrepancies.filter(pk__in=[one.pk for one in chosen]))
        enqueue(tasks.repair, report.pk, get_language() or "")
    return HttpResponseRedirect(reverse("admin:refunds_reconciliationreport_change", args=[report.pk]))
