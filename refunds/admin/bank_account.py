"""The bank account a refund went to: masked on the refund's page, in full for those who may see it."""

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.permissions import AnyUser
from payments.labels import bank_label
from refunds.admin.timeline import timeline
from refunds.errors import AccountNotKept, AccountUnreadable
from refunds.models import RefundRecord
from refunds.permissions import may_view_accounts
from refunds.services.bank_accounts import Account, is_kept, show_account, why_not_kept

SHOWN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class AccountCard:
    """A refund's bank account as this user may see it. `url` leads to the full account, if they may see it."""

    bank: str
    masked: str
    url: str = ""
    account: Account | None = None
    code: str = ""  # of `remark`
    remark: str = ""


def account_card(user: AnyUser, refund: RefundRecord) -> AccountCard | None:
    """Return the masked bank account of a refund; None if it went to none."""
    if not refund.refund_account_last4:
        return None
    bank, masked = bank_label(refund.refund_bank), f"•••• {refund.refund_account_last4}"
    if not may_view_accounts(user):
        return AccountCard(bank, masked)
    if is_kept(refund):
        return AccountCard(bank, masked, url=reverse("admin:refunds_refundrecord_account", args=[refund.pk]))
    return AccountCard(bank, masked, code=AccountNotKept.code, remark=why_not_kept(refund))


@require_POST
@staff_may(may_view_accounts)
def account(request: StaffRequest, pk: int) -> HttpResponse:
    """Show the full bank account, after noting the view in the timeline. It is never cached, stored or in a URL."""
    refund = get_object_or_404(RefundRecord.objects.select_related("payment"), pk=pk)
    masked = account_card(request.user, refund)
    if masked is None:
        raise Http404
    try:
        shown = show_account(record=refund, viewer=request.user.get_username())
    except (AccountNotKept, AccountUnreadable) as exc:
        card = AccountCard(masked.bank, masked.masked, code=exc.code, remark=exc.message)
    else:
        card = AccountCard(masked.bank, masked.masked, account=shown)
    facts = {"refund": refund, "card": card, "timeline": timeline(refund), "seconds": SHOWN_SECONDS}
    response = admin_page(request, "admin/refunds/account.html", _("Refund account"), **facts)
    response["Cache-Control"] = "no-store, private"
    return response
