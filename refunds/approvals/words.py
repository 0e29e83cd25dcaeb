"""What an approval request says about itself, in the reader's language, where its page is, and who may decide it."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.money import KRW, format_money
from refunds.models import ApprovalRule, ClosedCode, RefundApproval
from refunds.permissions import APPROVE, REFUND

_WHY: dict[str, str | Promise] = {
    ApprovalRule.PER_REFUND: gettext_lazy("Refunds above %(limit)s are approved by a second person."),
    ApprovalRule.PER_DAY: gettext_lazy("Above %(limit)s in one day, a second person approves further refunds."),
    ApprovalRule.PER_BATCH: gettext_lazy("Bulk refunds above %(limit)s are approved by a second person."),
    ApprovalRule.CURRENCY: gettext_lazy("Refunds in other currencies than won are approved by a second person."),
}


def why_text(rule: str, limit: Decimal) -> str:
    """Return why a second person decides: the limit that the refund is above."""
    return str(_WHY[rule]) % {"limit": format_money(limit, KRW)}


def closed_text(approval: RefundApproval) -> str:
    """Return why the request ended without a decision; "" if it did not."""
    return str(ClosedCode(approval.closed_code).label) if approval.closed_code else ""


def approval_path(approval: RefundApproval) -> str:
    """Return the address of the request's page on this site."""
    return reverse("admin:refunds_refundapproval_page", args=[approval.number])


def deciders(requester: User | int | None) -> QuerySet[User]:
    """Return who may decide a request of this account: active staff with the permission, but never itself."""
    own = requester.pk if isinstance(requester, User) else requester
    found = _staff_with(APPROVE)
    return found.exclude(pk=own).order_by("username") if own else found.order_by("username")


def refunders() -> QuerySet[User]:
    """Return who may refund any payment: `may_refund_any` as a query."""
    return _staff_with(REFUND)


def _staff_with(permission: str) -> QuerySet[User]:
    """Return the active staff with the permission."""
    found = User.objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    return found.filter(is_staff=True)


def decider_names(requester: User | int | None) -> list[str]:
    """Return the names of those who may decide, with their user names."""
    return [name_of(user) for user in deciders(requester)]


def name_of(user: User) -> str:
    full = user.get_full_name()
    return _("%(name)s (%(username)s)") % {"name": full, "username": user.username} if full else user.username
