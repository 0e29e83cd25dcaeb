"""The page on which staff accept that i'mport took a cancel back."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.errors import DomainError
from core.money import DECIMAL_PLACES, MAX_DIGITS, format_money
from core.permissions import AnyUser
from core.sentences import sentence as _
from payments.models import Payment
from refunds.inputs import Actor
from refunds.models import ReconciliationReport
from refunds.permissions import may_accept_reversals, may_repair
from refunds.reconciliation.errors import NothingTakenBack, ReversalRefused
from refunds.reconciliation.repair import repair
from refunds.reconciliation.reversal import (
    MAX_REASON_LENGTH,
    AcceptedReversal,
    ReversalPreview,
    accept_reversal,
    preview_reversal,
)


class ReversalForm(forms.Form):
    """The reason, the difference that the page showed, and the report that the page was opened from."""

    reason = forms.CharField(
        label=gettext_lazy("Reason for accepting: what you checked, and with whom"),
        max_length=MAX_REASON_LENGTH,
        required=False,  # the service rejects an empty one with its own message
        widget=forms.Textarea(attrs={"class": "rd-input", "rows": 3, "required": True, "maxlength": MAX_REASON_LENGTH}),
    )
    expected = forms.DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, widget=forms.HiddenInput)
    report = forms.IntegerField(required=False, widget=forms.HiddenInput)


def reversal_url(user: AnyUser, payment: Payment, report_id: int | None = None) -> str:
    """Return where this user may accept that a cancel of the payment was taken back; empty if they may not."""
    if not (payment.taken_back and may_accept_reversals(user)):
        return ""
    query = {"report": report_id} if report_id else None
    return reverse("admin:payments_payment_reversal", args=[payment.pk], query=query)


@require_http_methods(["GET", "POST"])
@staff_may(may_accept_reversals)
def reversal(request: StaffRequest, pk: int) -> HttpResponse:
    """Show what was taken back; on POST with a reason, record it and go back to the payment or the report."""
    payment = get_object_or_404(Payment, pk=pk)
    form = ReversalForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid():
        try:
            return _accept(request, payment, form)
        except DomainError as exc:
            if isinstance(exc, NothingTakenBack):
                return _nothing_left(request, payment, exc)
            form.add_error(None, ValidationError(exc.message, code=exc.code))
    preview, error = None, None
    try:
        preview = preview_reversal(payment=payment)
    except NothingTakenBack as exc:
        return _nothing_left(request, payment, exc)
    except ReversalRefused as exc:
        error = exc
    return admin_page(
        request,
        "admin/refunds/reversal.html",
        _("Accept a reversal"),
        payment=payment,
        preview=preview,
        error=error,
        left=payment.cancel_amount - preview.difference if preview else None,
        form=_form(request, preview, form),
    )


def _form(request: StaffRequest, preview: ReversalPreview | None, sent: ReversalForm | None) -> ReversalForm:
    """Return the form with what the page shows now; what was typed and its errors stay."""
    difference = preview.difference if preview else None
    if sent is None:
        report = request.GET.get("report", "")
        return ReversalForm(initial={"expected": difference, "report": report if report.isdecimal() else ""})
    sent.data = {**sent.data.dict(), "expected": str(difference)}  # type: ignore[attr-defined]  # a QueryDict
    return sent


def _accept(request: StaffRequest, payment: Payment, form: ReversalForm) -> HttpResponse:
    user, reason = request.user, form.cleaned_data["reason"]
    accepted = accept_reversal(
        payment=payment,
        actor=Actor(user.get_username(), user),
        reason=reason,
        expected=form.cleaned_data["expected"],
    )
    _report(request, accepted, reason.strip())
    report = ReconciliationReport.objects.filter(pk=form.cleaned_data["report"]).first()
    if report is not None and report.is_over and may_repair(user):
        repair(report=report, found=report.discrepancies.filter(imp_uid=payment.imp_uid))
        return HttpResponseRedirect(reverse("admin:refunds_reconciliationreport_change", args=[report.pk]))
    return _to_payment(payment)


def _report(request: StaffRequest, accepted: AcceptedReversal, reason: str) -> None:
    """Add a message that says what was recorded, and log it in the admin's history."""
    payment = accepted.payment
    words = {
        "amount": format_money(accepted.amount, payment.currency),
        "left": format_money(payment.refundable_amount, payment.currency),
    }
    text = _("%(amount)s is recorded as taken back. %(left)s can be refunded now.")
    messages.success(request, text % words, extra_tags="reversed")
    entry = _("Accepted a reversal of %(amount)s: %(reason)s") % {**words, "reason": reason}
    log(request.user, payment, text=entry)


def _nothing_left(request: StaffRequest, payment: Payment, refusal: NothingTakenBack) -> HttpResponse:
    messages.info(request, refusal.message, extra_tags=refusal.code)
    return _to_payment(payment)


def _to_payment(payment: Payment) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[payment.pk]))
