"""Who may see and refund which payment; the same answer for every entry point."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet

from payments.models import Payment
from refunds.errors import RefundNotAllowed
from refunds.models import RefundRecord

REFUND = "refunds.refund_payment"
VIEW = "payments.view_payment"
RESOLVE = "refunds.resolve_refund"
VIEW_REFUNDS = "refunds.view_refundrecord"
VIEW_REPORTS = "refunds.view_reconciliationreport"
VIEW_ACCOUNT = "refunds.view_account"
APPROVE = "refunds.approve_refund"


def may_refund_any(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff with the permission "Can refund payments"."""
    return _is_staff_with(user, REFUND)


def may_view_refunds(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff who may view the ledger, or refund."""
    return _is_staff_with(user, VIEW_REFUNDS, REFUND)


def may_resolve(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff with the permission "Can close refunds that need review": they answer for the ledger."""
    return _is_staff_with(user, RESOLVE)


def may_view_reports(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff who may view comparisons with i'mport, or make them."""
    return _is_staff_with(user, VIEW_REPORTS, RESOLVE)


def may_repair(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff who see the comparisons and may check orders with i'mport, or compare and repair whole periods."""
    return may_view_reports(user) and _is_staff_with(user, REFUND, RESOLVE)


def may_view_accounts(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff with the permission "Can see whole refund accounts", who may see the refunds as well."""
    return _is_staff_with(user, VIEW_ACCOUNT) and may_view_refunds(user)


def may_approve(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff with the permission "Can make refunds above the approval limit"."""
    return _is_staff_with(user, APPROVE)


def _is_staff_with(user: AbstractBaseUser | AnonymousUser, *permissions: str) -> bool:
    """Whether this is staff with any of the permissions."""
    return isinstance(user, User) and user.is_staff and any(map(user.has_perm, permissions))


def _sees_all_payments(user: AbstractBaseUser | AnonymousUser) -> bool:
    return _is_staff_with(user, REFUND, VIEW)


def payments_visible_to(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Payment]:
    """All payments for staff who may refund or view them; their own for a signed-in buyer; else none."""
    if not isinstance(user, User):
        return Payment.objects.none()
    if _sees_all_payments(user):
        return Payment.objects.all()
    return Payment.objects.visible_to_buyer(user)


def refunds_visible_to(user: AbstractBaseUser | AnonymousUser) -> QuerySet[RefundRecord]:
    """The refunds of the payments that are visible to this user, each with its payment."""
    refunds = RefundRecord.objects.select_related("payment")
    # Asking whether each payment is one of all costs SQLite its index.
    return refunds if _sees_all_payments(user) else refunds.filter(payment__in=payments_visible_to(user))


def ensure_may_refund(user: AbstractBaseUser | AnonymousUser, payment: Payment) -> None:
    """Raise `RefundNotAllowed` unless the user may refund any payment or this one is their own order."""
    if isinstance(user, User) and user.is_active and (payment.user_id == user.pk or may_refund_any(user)):
        return
    raise RefundNotAllowed
