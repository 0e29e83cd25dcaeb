"""Require approval for large refunds by staff. Checked in the reservation, so for every entry point.

Buyers who refund their own orders and operators at the command line are exempt: the former get back what they paid,
the latter could change the limit itself.
"""

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User

from core.money import KRW, format_money
from core.sentences import sentence as _
from payments.models import Payment
from refunds.errors import Violation
from refunds.permissions import may_approve, may_refund_any

CODE = "approval_required"


def approval_missing(*, payment: Payment, amount: Decimal, user: User | None) -> Violation | None:
    """Return why this user may not make this refund without approval; None if they may.

    All refunds of a payment by one user count together, however old, so that parts do not pass one by one. Currencies
    other than the limit's always need approval: there is no rate to compare them by.
    """
    limit = settings.REFUND_APPROVAL_ABOVE
    if not limit or payment.sandbox or user is None or not may_refund_any(user) or may_approve(user):
        return None
    if payment.currency != KRW:
        message = _("Refunds in %(currency)s need approval. Ask a colleague who can approve them.")
        return Violation(CODE, message % {"currency": payment.currency})
    earlier = _refunded_by(payment, user)
    if earlier + amount <= limit:
        return None
    words = {"limit": format_money(limit, KRW), "earlier": format_money(earlier, KRW)}
    if not earlier:
        message = _("Refunds above %(limit)s need approval. Ask a colleague who can approve them.")
        return Violation(CODE, message % words, "amount")
    message = _(
        "The requester already refunded %(earlier)s of this order. The total is above %(limit)s and needs "
        "approval. Ask a colleague who can approve it."
    )
    return Violation(CODE, message % words, "amount" if earlier < limit else "")


def _refunded_by(payment: Payment, user: User) -> Decimal:
    """Return what this user refunded of this payment, or requested and may still get."""
    return payment.refunds.filter(requested_by=user).counting().shown_total()
