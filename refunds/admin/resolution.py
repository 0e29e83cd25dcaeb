"""The admin's page on which staff close an open refund by hand. Nothing happens before the button is pressed."""

from django import forms, urls
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from core.money import format_money
from refunds.admin.progress import since, waiting
from refunds.admin.timeline import refund_badge, timeline
from refunds.errors import ResolutionRefused
from refunds.inputs import Actor
from refunds.models import RefundRecord, RefundStatus
from refunds.permissions import may_refund_any, may_resolve, may_view_refunds
from refunds.reconciliation.resolution import close_by_hand, mark_reviewed

MAX_REASON_LENGTH = 500


class CloseForm(forms.Form):
    """An empty reason is refused by the service, with its own words."""

    reason = forms.CharField(
        label=gettext_lazy("Reason for closing: what you checked, and with whom"),
        max_length=MAX_REASON_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"class": "rd-input", "rows": 3, "required": True, "maxlength": MAX_REASON_LENGTH}),
    )


def close_url(user: object, refund: RefundRecord) -> str:
    """Where this user may close this refund; empty if they may not, or it cannot be closed."""
    closable = refund.is_live and refund.needs_review and isinstance(user, User) and _may_close(user)
    return urls.reverse("admin:refunds_refundrecord_close", args=[refund.pk]) if closable else ""


@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is known of an open refund; on POST with a reason, close it and go back to it."""
    user = request.user
    if not isinstance(user, User) or not _may_close(user):
        raise PermissionDenied
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
            _tell(request, user, closed, form.cleaned_data["reason"].strip())
            return HttpResponseRedirect(detail)
    elif request.method != "POST" and not close_url(user, refund):
        messages.info(request, _("This refund is already settled or needs no review, so it cannot be closed."))
        return HttpResponseRedirect(detail)
    return TemplateResponse(request, "admin/refunds/close.html", _context(request, refund, form))


def reviewed_url(user: object, refund: RefundRecord) -> str:
    """Where this user may say that they looked at an ended refund that needs review; empty if there is nothing."""
    open_question = not refund.is_live and refund.needs_review and isinstance(user, User) and _may_close(user)
    return urls.reverse("admin:refunds_refundrecord_reviewed", args=[refund.pk]) if open_question else ""


@require_POST
def reviewed(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that somebody looked at an ended refund, and go back to it."""
    user = request.user
    if not isinstance(user, User) or not _may_close(user):
        raise PermissionDenied
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    try:
        mark_reviewed(refund=refund, actor=Actor(user.get_username(), user))
    except ResolutionRefused as exc:
        messages.error(request, exc.message, extra_tags=exc.code)
    else:
        messages.success(request, _("Marked as reviewed."), extra_tags="reviewed")
    return HttpResponseRedirect(urls.reverse("admin:refunds_refundrecord_change", args=[refund.pk]))


def _may_close(user: User) -> bool:
    return may_resolve(user) and may_view_refunds(user)


def _context(request: HttpRequest, refund: RefundRecord, form: CloseForm) -> dict[str, object]:
    return {
        **admin.site.each_context(request),
        "title": _("Close this refund"),
        "refund": refund,
        "form": form,
        "badge": refund_badge(refund),
        "money": format_money(refund.amount, refund.payment.currency),
        "asked_at": since(refund.requested_at, timezone.now()),
        "waiting": waiting(refund),
        "timeline": timeline(refund),
        "may_check": refund.is_live and may_refund_any(request.user),
    }


def _tell(request: HttpRequest, user: User, closed: RefundRecord, reason: str) -> None:
    """Say what became of it, and keep it in the admin's history."""
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
    LogEntry.objects.log_actions(user.pk, [closed], CHANGE, change_message=entry, single_object=True)
