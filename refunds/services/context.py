"""Gather what the refund rules look at."""

from django.conf import settings
from django.utils import timezone

from payments.intake.mirror import read_tax_parts
from payments.models import Payment
from refunds import policies
from refunds.inputs import RefundRequest
from refunds.policies import RefundContext


def context_of(payment: Payment, request: RefundRequest) -> RefundContext:
    """Return everything the rules look at, as it is now."""
    partials = payment.refunds.succeeded().count() if policies.counts_partials(payment) else 0
    return RefundContext(
        payment=payment,
        request=request,
        now=timezone.now(),
        contracts=settings.IAMPORT_CONTRACTS,
        partial_refunds=partials,
        vbank_fee=settings.VBANK_REFUND_FEE,
    )


def ensure_tax_parts(payment: Payment) -> None:
    """Read what is left by tax kind from i'mport, where a rule needs it and it is not known."""
    if payment.refundable_amount > 0 and policies.needs_tax_parts(payment):
        read_tax_parts(payment)
