"""The admin's pages of statements: the months, one month, its print view and its files; and closing it."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.dates import add_months
from core.errors import DomainError
from core.exports.files import file_response
from core.exports.xlsx import MAX_ROWS
from core.sentences import sentence as _
from refunds.inputs import Actor
from refunds.models import StatementMonth
from refunds.permissions import may_close_months, may_resolve, may_view_payments, may_view_reports
from refunds.statements.closing import MAX_NOTE_LENGTH, close_month
from refunds.statements.entries import earlier_entries
from refunds.statements.files import (
    line_rows,
    line_rows_with_totals,
    movement_count,
    movement_rows,
    shown_lines,
    total_rows,
)
from refunds.statements.months import all_months, begun_month, first_open_month, state_of, this_month
from refunds.statements.read import Statement, closed_statement, statement_of

SHOWN = 100  # movements of earlier months on the page; the files have all


class CloseForm(forms.Form):
    """A note, the fingerprint of the totals that the page showed, and the tick for a month that does not agree."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(
        label=gettext_lazy("Note (optional)"),
        max_length=MAX_NOTE_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"class": "rd-input", "maxlength": MAX_NOTE_LENGTH}),
    )
    anyway = forms.BooleanField(required=False)


def month_name(month: date) -> str:
    """Return the month as people write it: 2026년 11월, November 2026."""
    return date_format(month, "YEAR_MONTH_FORMAT")


def month_url(month: date, page: str = "month", *more: str) -> str:
    return reverse(f"admin:refunds_statementmonth_{page}", args=[f"{month:%Y-%m}", *more])


@require_safe
@staff_may(may_view_reports)
def month_list(request: StaffRequest) -> HttpResponse:
    """Show every month, newest first. Only closed months have amounts here: those of the others may change."""
    closed = {each.month: each for each in StatementMonth.objects.all()}
    next_to_close = first_open_month()
    first = min(closed, default=next_to_close or this_month())
    rows = [
        {
            "month": month,
            "name": month_name(month),
            "url": month_url(month),
            "closed": closed.get(month),
            "totals": closed_statement(closed[month]).totals if month in closed else (),
            "state": state_of(month, closed.get(month), next_to_close),
        }
        for month in all_months(first)
    ]
    return admin_page(request, "admin/refunds/statements/list.html", _("Monthly statements"), rows=rows)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_may(may_view_reports)
def month_page(request: StaffRequest, written: str) -> HttpResponse:
    """Show the statement of a month; on POST, close the month."""
    month = _month(written)
    form = CloseForm(request.POST) if request.method == "POST" else None
    if form is not None:
        if not may_close_months(request.user):
            return HttpResponse(status=403)
        if form.is_valid() and (answer := _close(request, month, form)):
            return answer
    statement = statement_of(month)
    if form is None:
        form = CloseForm(initial={"seen": statement.fingerprint})
    else:  # what was typed stays; the totals are those shown now
        form.data = {**request.POST.dict(), "seen": statement.fingerprint}
    return admin_page(
        request,
        "admin/refunds/statements/month.html",
        month_name(month),
        form=form if statement.state == "next" and may_close_months(request.user) else None,
        may_compare=may_resolve(request.user),
        **_facts(request, statement),
    )


@require_safe
@staff_may(may_view_reports)
def print_view(request: StaffRequest, written: str) -> HttpResponse:
    """Show the statement alone, to print."""
    statement = statement_of(_month(written))
    facts = {"title": month_name(statement.month), "printed_at": timezone.now(), **_facts(request, statement)}
    return TemplateResponse(request, "admin/refunds/statements/print.html", facts)


@require_safe
@staff_may(may_view_reports)
def download(request: StaffRequest, written: str, content: str, kind: str) -> HttpResponseBase:
    """Return the lines of a month, or its single movements, as a file in the reader's language."""
    statement = statement_of(_month(written))
    name = f"statement-{statement.month:%Y-%m}"
    if content == "lines" and kind == "csv":
        return file_response(line_rows_with_totals(statement), kind, name)
    if content == "lines":
        return file_response(line_rows(statement), kind, name, lambda: total_rows(statement))
    if content != "movements" or not may_view_payments(request.user):
        raise Http404
    if kind == "xlsx" and movement_count(statement) > MAX_ROWS:
        raise Http404
    return file_response(movement_rows(statement), kind, f"{name}-movements", lambda: total_rows(statement))


def _month(written: str) -> date:
    """Return the month of the address. Raises `Http404` for no month, and for one that has not begun."""
    try:
        return begun_month(written)
    except ValueError as exc:
        raise Http404 from exc


def _facts(request: HttpRequest, statement: Statement) -> dict[str, Any]:
    month = statement.month
    totals = statement.totals
    late = sum(total.earlier.count for total in totals)
    sees_payments = may_view_payments(request.user)
    return {
        "statement": statement,
        "closed": statement.closed,
        "lines": shown_lines(statement),
        "totals": totals,
        "comparison": statement.comparison,
        "late": late,
        "earlier": earlier_entries(month, SHOWN) if late and sees_payments else (),
        "hidden": max(late - SHOWN, 0),
        "sees_payments": sees_payments,
        "fits_excel": movement_count(statement) <= MAX_ROWS,
        "written": f"{month:%Y-%m}",
        "since": month,
        "until": add_months(month, 1) - timedelta(days=1),
        "next_month": month_name(add_months(month, 1)),
        "first_open": statement.first_open,
    }


def _close(request: StaffRequest, month: date, form: CloseForm) -> HttpResponse | None:
    """Close the month and show it; None if it was not closed, which the form then says."""
    user: User = request.user
    try:
        closed = close_month(
            month=month,
            actor=Actor(user.get_username(), user),
            note=form.cleaned_data["note"],
            despite_difference=form.cleaned_data["anyway"],
            seen=form.cleaned_data["seen"],
        )
    except DomainError as exc:
        form.add_error(None, ValidationError(exc.message, code=exc.code))
        return None
    name = month_name(month)
    messages.success(request, _("%(month)s is closed.") % {"month": name}, extra_tags="month_closed")
    log(user, closed, text=_("Closed the month"))
    return HttpResponseRedirect(month_url(month))
