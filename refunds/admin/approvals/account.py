"""The bank account of a waiting request: masked on its page, in full for those who may see it, and that is logged."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.admin.pages import StaffRequest, admin_page, staff_may
from core.permissions import AnyUser
from payments.labels import bank_label
from refunds.admin.bank_account import SHOWN_SECONDS, AccountCard
from refunds.admin.timeline import EVENTS, TimelineEntry, approval_timeline
from refunds.errors import AccountUnreadable
from refunds.models import RefundApproval
from refunds.permissions import may_view_accounts, may_view_approvals
from refunds.services.bank_accounts import SHOWN, Account
from refunds.services.encrypted_accounts import decrypted_account

VIEWED = "Account viewed"  # stored; the timeline says it in the reader's language
_VIEWS_SHOWN = 50


def _may_view(user: AnyUser) -> bool:
    return may_view_accounts(user) and may_view_approvals(user)


def request_account_card(user: AnyUser, approval: RefundApproval) -> AccountCard | None:
    """Return the masked bank account of a request; None if the money goes back the way it came."""
    if not approval.refund_account_last4:
        return None
    bank, masked = bank_label(approval.refund_bank), f"•••• {approval.refund_account_last4}"
    may_show = _may_view(user) and approval.encrypted_account
    url = reverse("admin:refunds_refundapproval_account", args=[approval.number]) if may_show else ""
    return AccountCard(bank, masked, url=url)


@require_POST
@staff_may(_may_view)
def account(request: StaffRequest, number: str) -> HttpResponse:
    """Show the full account of a waiting request, after logging the view. It is never cached, stored or in a URL."""
    approval = get_object_or_404(RefundApproval, number=number.upper())
    masked = request_account_card(request.user, approval)
    if masked is None or not masked.url:
        raise Http404
    kind = ContentType.objects.get_for_model(RefundApproval)
    LogEntry.objects.create(
        user=request.user,
        content_type=kind,
        object_id=str(approval.pk),
        object_repr=str(approval)[:200],
        action_flag=CHANGE,
        change_message=VIEWED,
    )
    try:
        shown = _opened(approval)
    except AccountUnreadable as exc:
        card = AccountCard(masked.bank, masked.masked, code=exc.code, remark=exc.message)
    else:
        card = AccountCard(masked.bank, masked.masked, account=shown)
    facts = {"approval": approval, "card": card, "timeline": request_timeline(approval), "seconds": SHOWN_SECONDS}
    response = admin_page(request, "admin/refunds/approvals/account.html", _("Refund account"), **facts)
    response["Cache-Control"] = "no-store, private"
    return response


def _opened(approval: RefundApproval) -> Account:
    """Decrypt holder and number. Raises `AccountUnreadable`."""
    typed = decrypted_account(approval.encrypted_account)
    return Account(typed.get("refund_holder", ""), typed.get("refund_account", ""))


def request_timeline(approval: RefundApproval) -> list[TimelineEntry]:
    """Return the timeline of a request, with the views of its account."""
    kind = ContentType.objects.get_for_model(RefundApproval)
    viewed = LogEntry.objects.filter(content_type=kind, object_id=str(approval.pk), change_message=VIEWED)
    views = [
        TimelineEntry(entry.action_time, EVENTS[SHOWN], "grey", "", entry.user.get_username())
        for entry in viewed.select_related("user").order_by("-action_time")[:_VIEWS_SHOWN]
    ]
    return sorted([*approval_timeline(approval), *views], key=lambda entry: entry.at)
