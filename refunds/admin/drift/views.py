"""The admin's pages around drift reports: compare a period now, repair what was found, the differences as a file."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.exports.csv import BYTE_ORDER_MARK, CSV_TYPE
from core.money import format_money
from refunds.admin.reconcile import LEVELS
from refunds.models import Discrepancy, ReconciliationReport
from refunds.permissions import may_repair, may_resolve, may_view_reports
from refunds.reconciliation.drift import Repaired, compare_period, repair_differences, write_csv

DEFAULT_DAYS = 7
MAX_DAYS = 90
SHOWN = 200  # differences on the page; the CSV file has all
ALL = "all"
# What staff can do about a payment that a reading did not mend.
ADVICE = {
    "waiting": gettext_lazy(
        "It is checked again automatically. If it needs review, ask i'mport or the PG, then close it "
        "on the refund's page."
    ),
    "unbookable": gettext_lazy("Nothing was changed. Ask the server administrator to look into it."),
    "unreachable": gettext_lazy(
        "Try again later. If this persists, ask the server administrator whether the i'mport API "
        "keys belong to the shop of this payment."
    ),
}
NO_READING_MENDS_IT = gettext_lazy(
    "Still different: a refund is recorded here that i'mport does not show, and recorded refunds "
    "are never removed. Compare the order in i'mport's console and contact i'mport."
)
MODES = (
    ("check", gettext_lazy("Compare only (change nothing)")),
    ("repair", gettext_lazy("Compare and repair")),
)


class CompareForm(forms.Form):
    """A period in Korean days, both included, and whether to repair."""

    since = forms.DateField(label=gettext_lazy("From"))
    until = forms.DateField(label=gettext_lazy("To"))
    mode = forms.ChoiceField(label=gettext_lazy("What to do"), choices=MODES, widget=forms.RadioSelect)

    def __init__(self, data: object = None) -> None:
        today = timezone.localdate()
        first = today - timedelta(days=DEFAULT_DAYS - 1)
        super().__init__(data, initial={"since": first, "until": today, "mode": "check"})  # type: ignore[arg-type]
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
        """From the first moment of the first day to the last of the last, but never beyond now."""
        end = timezone.make_aware(datetime.combine(self.cleaned_data["until"], time.max))
        return timezone.make_aware(datetime.combine(self.cleaned_data["since"], time.min)), min(end, timezone.now())


@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """Ask for a period; on POST, compare it with i'mport and show the report."""
    if not may_resolve(request.user):
        raise PermissionDenied
    form = CompareForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        since, until = form.period
        report = compare_period(since=since, until=until, check_only=form.cleaned_data["mode"] == "check")
        _tell(request, report)
        return HttpResponseRedirect(reverse("admin:refunds_reconciliationreport_change", args=[report.pk]))
    context = {**admin.site.each_context(request), "title": _("Compare with i'mport"), "form": form}
    return TemplateResponse(request, "admin/refunds/compare.html", {**context, "max_days": MAX_DAYS})


@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """All differences of a report as a CSV file."""
    if not may_view_reports(request.user):
        raise PermissionDenied
    report = get_object_or_404(ReconciliationReport, pk=pk)
    headers = {"Content-Disposition": f'attachment; filename="drift-report-{report.pk}.csv"'}
    response = HttpResponse(content_type=CSV_TYPE, headers=headers)
    response.write(BYTE_ORDER_MARK)
    write_csv(report, response)  # type: ignore[arg-type]  # a response takes text as a file does
    return response


def shown_differences(report: ReconciliationReport) -> list[Discrepancy]:
    """Those on the report's page, first of all those that are still there."""
    return list(report.differences.order_by("repaired", "pk")[:SHOWN])


@require_POST
def repair(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle one difference, or all that the page shows, and say on it what was done for each payment."""
    if not may_repair(request.user):
        raise PermissionDenied
    report = get_object_or_404(ReconciliationReport, pk=pk)
    wanted = request.POST.get("difference", "")
    # While a comparison runs, its differences are not counted yet.
    shown = shown_differences(report) if report.remaining else []
    done = list(repair_differences(report=report, found=[one for one in shown if wanted in (ALL, str(one.pk))]))
    for repaired in done:
        messages.add_message(request, _level(repaired), _sentence(repaired), extra_tags=repaired.outcome)
    if not done:
        messages.info(request, _("There is nothing left to repair."), extra_tags="nothing_left")
    return HttpResponseRedirect(reverse("admin:refunds_reconciliationreport_change", args=[report.pk]))


def _level(repaired: Repaired) -> int:
    level = messages.SUCCESS if repaired.outcome == "added" else LEVELS[repaired.outcome]
    return messages.WARNING if level == messages.SUCCESS and not repaired.agrees else level


def _sentence(repaired: Repaired) -> str:
    parts: list[object] = []
    if repaired.agrees or repaired.outcome != "agrees":
        parts.append(repaired.message)
    if repaired.outcome in ADVICE:
        parts.append(ADVICE[repaired.outcome])
    elif not repaired.agrees:
        parts.append(NO_READING_MENDS_IT)
    payment = repaired.payment
    if payment is not None:
        sums = {
            "refunded": format_money(payment.cancel_amount, payment.currency),
            "amount": format_money(payment.amount, payment.currency),
        }
        parts.append(_("Recorded here: %(refunded)s of %(amount)s refunded.") % sums)
    return f"{repaired.merchant_uid}: {' '.join(map(str, parts))}"


def _tell(request: HttpRequest, report: ReconciliationReport) -> None:
    if report.error:
        text = _("The comparison stopped early: %(error)s") % {"error": report.error}
        messages.error(request, text, extra_tags="broken_off")
    elif not report.found:
        messages.success(request, _("No discrepancies."), extra_tags="agrees")
    else:
        level = messages.WARNING if report.remaining else messages.SUCCESS
        text = ngettext(
            "%(found)s discrepancy found, %(repaired)s repaired.",
            "%(found)s discrepancies found, %(repaired)s repaired.",
            report.found,
        )
        messages.add_message(
            request,
            level,
            text % {"found": report.found, "repaired": report.repaired},
            extra_tags="differs" if report.remaining else "repaired",
        )
