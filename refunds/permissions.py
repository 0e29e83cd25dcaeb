"""Decide who may see and refund which payment, the same way for every entry point."""

from django.contrib.auth.models import User
from django.db.models import QuerySet

from core.permissions import AnyUser, is_staff_with
from payments.models import Payment
from refunds.errors import RefundNotAllowed
from refunds.inputs import Actor
from refunds.models import RefundApproval, RefundRecord

REFUND = "refunds.refund_payment"
VIEW = "payments.view_payment"
CHANGE = "payments.change_payment"
RESOLVE = "refunds.resolve_refund"
VIEW_REFUNDS = "refunds.view_refundrecord"
VIEW_REPORTS = "refunds.view_reconciliationreport"
VIEW_ACCOUNT = "refunds.view_account"
APPROVE = "refunds.approve_refund"
ACCEPT_REVERSAL = "refunds.accept_reversal"
MANAGE_NOTICES = "refunds.manage_notices"
CLOSE_MONTH = "refunds.close_month"
ADD_NOTE = "refunds.add_note"
VIEW_REASONS = "refunds.view_refundreason"
ADD_REASON = "refunds.add_refundreason"
CHANGE_REASON = "refunds.change_refundreason"
DELETE_REASON = "refunds.delete_refundreason"


def may_refund_any(user: AnyUser) -> bool:
    """Allow staff with the permission "Can refund payments"."""
    return is_staff_with(user, REFUND)


def is_buyer(user: User | None) -> bool:
    """Return whether this is an account that can refund its own orders only, and not staff or the command line."""
    return user is not None and not may_refund_any(user)


def may_state_tax_parts(user: AnyUser) -> bool:
    """Allow staff who may refund and change what the shop knows of a payment."""
    return may_refund_any(user) and is_staff_with(user, CHANGE)


def acts_for_shop(actor: Actor) -> bool:
    """Return whether staff or an operator at the command line asks, and not a buyer or a program with a token."""
    return actor.token is None and not is_buyer(actor.user)


def may_view_refunds(user: AnyUser) -> bool:
    """Allow staff who may view the ledger, or refund."""
    return is_staff_with(user, VIEW_REFUNDS, REFUND)


def may_resolve(user: AnyUser) -> bool:
    """Allow staff with the permission "Can close refunds that need review"."""
    return is_staff_with(user, RESOLVE)


def may_view_reports(user: AnyUser) -> bool:
    """Allow staff who may view reconciliation reports, or make them."""
    return is_staff_with(user, VIEW_REPORTS, RESOLVE)


def may_repair(user: AnyUser) -> bool:
    """Allow staff who see the reports and may reconcile single orders or whole periods."""
    return may_view_reports(user) and is_staff_with(user, REFUND, RESOLVE)


def may_view_accounts(user: AnyUser) -> bool:
    """Allow staff with the permission "Can view full refund accounts", who may see the refunds as well."""
    return is_staff_with(user, VIEW_ACCOUNT) and may_view_refunds(user)


def may_approve(user: AnyUser) -> bool:
    """Allow staff with the permission "Can approve refunds of others"."""
    return is_staff_with(user, APPROVE)


def may_view_approvals(user: AnyUser) -> bool:
    """Allow staff who may approve refunds, request them, or view the ledger."""
    return is_staff_with(user, APPROVE, REFUND, VIEW_REFUNDS)


def may_accept_reversals(user: AnyUser) -> bool:
    """Allow staff with the permission "Can accept refund reversals", who may see the payments as well."""
    return is_staff_with(user, ACCEPT_REVERSAL) and may_view_payments(user)


def may_close_months(user: AnyUser) -> bool:
    """Allow staff with the permission "Can close months", who may see the reports as well."""
    return is_staff_with(user, CLOSE_MONTH) and may_view_reports(user)


def may_add_notes(user: AnyUser) -> bool:
    """Allow staff with the permission "Can add note", who may see the payments as well."""
    return is_staff_with(user, ADD_NOTE) and may_view_payments(user)


def may_manage_notices(user: AnyUser) -> bool:
    """Allow staff with the permission "Can edit e-mails to buyers and business days"."""
    return is_staff_with(user, MANAGE_NOTICES)


def may_view_notices(user: AnyUser) -> bool:
    """Allow staff who may view the ledger, or refund, or edit what buyers are told."""
    return may_view_refunds(user) or may_manage_notices(user)


def may_view_payments(user: AnyUser) -> bool:
    """Allow staff who may view all payments, or refund."""
    return is_staff_with(user, REFUND, VIEW)


def payments_visible_to(user: AnyUser) -> QuerySet[Payment]:
    """Return all payments for staff who may refund or view them, their own for a signed-in buyer, else none."""
    if not isinstance(user, User):
        return Payment.objects.none()
    owner = sees_payments_of(user)
    return Payment.objects.all() if owner is None else Payment.objects.visible_to_buyer(owner)


def sees_payments_of(user: User | None) -> User | None:
    """Return whose payments alone this user may see: their own. None: everybody's, as an operator (no user) does."""
    return None if user is None or may_view_payments(user) else user


def refunds_visible_to(user: AnyUser) -> QuerySet[RefundRecord]:
    """Return the refunds of the payments that are visible to this user, each with all that tells about it."""
    refunds = RefundRecord.objects.select_related("payment", "late_record")
    # A subquery over all payments would cost SQLite its index.
    return refunds if may_view_payments(user) else refunds.filter(payment__in=payments_visible_to(user))


def approvals_visible_to(user: AnyUser) -> QuerySet[RefundApproval]:
    """Return the requests for approval of the payments that are visible to this user, not those of bulk refunds."""
    approvals = RefundApproval.objects.of_payments().select_related("payment").prefetch_related("refunds")
    return approvals if may_view_payments(user) else approvals.filter(payment__in=payments_visible_to(user))


def ensure_may_refund(user: AnyUser | None, payment: Payment) -> None:
    """Raise `RefundNotAllowed` unless the user may refund any payment or this one is their own order."""
    if isinstance(user, User) and user.is_active and (payment.user_id == user.pk or may_refund_any(user)):
        return
    raise RefundNotAllowed
