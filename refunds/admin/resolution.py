"""The page on which staff close an open refund by hand, and the button that marks an ended one as reviewed."""

from django import forms, urls
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.permissions import AnyUser
from core.sentences import sentence as _
from refunds.admin.progress import waiting
from refunds.admin.timeline import timeline
from refunds.errors import ResolutionRefused
from refunds.inputs import Actor
from refunds.models import RefundRecord, RefundStatus
from refunds.permissions import may_refund_any, may_resolve, may_view_refunds
from refunds.reconciliation.resolution import close_by_hand, mark_reviewed

MAX_REASON_LENGTH = 500


def _may_close(user: AnyUser) -> bool:
    return may_resolve(user) and may_view_refunds(user)


class CloseForm(forms.Form):
    """The reason for closing; the service rejects an empty one with its own message."""

    reason = forms.CharField(
        label=gettext_lazy("Reason for closing: what you checked, and with whom"),
        max_length=MAX_REASON_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"class": "rd-input", "rows": 3, "required": True, "maxlength": MAX_REASON_LENGTH}),
    )


def close_url(user: AnyUser, refund: RefundRecord) -> str:
    """Return where this user may close this refund; empty if they may not, or it cannot be closed."""
    closable = refund.is_live and refund.needs_review and _may_close(user)
    return urls.reverse("admin:refunds_refundrecord_close", args=[refund.pk]) if closable else ""


@require_http_methods(["GET", "POST"])
@staff_may(_may_close)
def close(request: StaffRequest, pk: int) -> HttpResponse:
    """Show an open refund; on POST with a reason, close it and go back to it."""
    user = request.user
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    detail = urls.reverse("admin:refunds_refundrecord_change", args=[refund.pk])
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            closed = close_by_hand(
                refund=refund, actor=Actor(user.get_username(), user), reason=form.cleaned_data["reason"]
            )
        except ResolutionRefused as exc:
            form.add_error(None, ValidationError(exc.message, code=exc.code))
        else:
            _report(request, closed, form.cleaned_data["reason"].strip())
            return HttpResponseRedirect(detail)
    elif request.method != "POST" and not close_url(user, refund):
        messages.info(request, _("This refund is already settled or needs no review, so it cannot be closed."))
        return HttpResponseRedirect(detail)
    return admin_page(request, "admin/refunds/close.html", _("Close this refund"), **_facts(refund, form, user))


def reviewed_url(user: AnyUser, refund: RefundRecord) -> str:
    """Return where this user may mark an ended refund as reviewed; empty if they may not, or it needs no review."""
    reviewable = not refund.is_live and refund.needs_review and _may_close(user)
    return urls.reverse("admin:refunds_refundrecord_reviewed", args=[refund.pk]) if reviewable else ""


@require_POST
@staff_may(_may_close)
def reviewed(request: StaffRequest, pk: int) -> HttpResponse:
    """Mark an ended refund as reviewed, and go back to it."""
    user = request.user
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    try:
        mark_reviewed(refund=refund, actor=Actor(user.get_username(), user))
    except ResolutionRefused as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    else:
        messages.success(request, _("Marked as reviewed."), extra_tags="reviewed")
    return HttpResponseRedirect(urls.reverse("admin:refunds_refundrecord_change", args=[refund.pk]))


def _facts(refund: RefundRecord, form: CloseForm, user: User) -> dict[str, object]:
    return {
        "refund": refund,
        "form": form,
        "waiting": waiting(refund),
        "timeline": timeline(refund),
        "may_check": refund.is_live and may_refund_any(user),
    }


def _report(request: StaffRequest, closed: RefundRecord, reason: str) -> None:
    """Add a message that says what became of it, and log it in the admin's history."""
    names = {"number": closed.number}
    if closed.status == RefundStatus.FAILED:
        entry = _("Closed manually: %(reason)s") % {"reason": reason}
        text = _("Refund %(number)s is closed as not executed. Its amount can be refunded again.")
        messages.success(request, text % names, extra_tags="closed_by_hand")
    else:
        entry = _("Not closed: i'mport shows that it was executed.")
        text = _(
            "Refund %(number)s was not closed: i'mport shows that it was executed. It is now recorded as refunded."
        )
        messages.warning(request, text % names, extra_tags="settled")
    log(request.user, closed, text=entry)
