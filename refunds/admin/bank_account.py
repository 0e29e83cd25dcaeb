"""The account a refund went to: masked on the refund's page, and whole for a moment for who may see it."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from payments.labels import bank_label
from refunds.admin.timeline import timeline
from refunds.errors import AccountNotKept, AccountUnreadable
from refunds.models import RefundRecord
from refunds.permissions import may_view_accounts
from refunds.services.bank_accounts import Account, is_kept, show_account, why_not_kept

SHOWN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class AccountCard:
    """A refund's account as this reader may see it. `url`: where it is shown whole, if it may be."""

    bank: str
    masked: str
    url: str = ""
    account: Account | None = None
    code: str = ""  # of the remark
    remark: str = ""


def account_card(user: object, refund: RefundRecord) -> AccountCard | None:
    """The account of a refund that went to one, masked."""
    if not refund.refund_account_last4:
        return None
    bank, masked = bank_label(refund.refund_bank), f"•••• {refund.refund_account_last4}"
    if not isinstance(user, User) or not may_view_accounts(user):
        return AccountCard(bank, masked)
    if is_kept(refund):
        return AccountCard(bank, masked, url=reverse("admin:refunds_refundrecord_account", args=[refund.pk]))
    return AccountCard(bank, masked, code=AccountNotKept.code, remark=why_not_kept(refund))


@require_POST
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the whole account, after the timeline says so. Nothing keeps it: no cache, no session, no address."""
    user = request.user
    if not isinstance(user, User) or not may_view_accounts(user):
        raise PermissionDenied
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    masked = account_card(user, refund)
    if masked is None:
        raise Http404
    try:
        shown = show_account(record=refund, viewer=user.get_username())
    except (AccountNotKept, AccountUnreadable) as exc:
        card = AccountCard(masked.bank, masked.masked, code=exc.code, remark=exc.message)
    else:
        card = AccountCard(masked.bank, masked.masked, account=shown)
    context = {
        **admin.site.each_context(request),
        "title": _("Refund account"),
        "refund": refund,
        "card": card,
        "timeline": timeline(refund),
        "seconds": SHOWN_SECONDS,
    }
    response = TemplateResponse(request, "admin/refunds/account.html", context)
    response["Cache-Control"] = "no-store, private"
    return response
