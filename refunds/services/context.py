"""Gather what the refund rules look at."""

import logging
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from payments.gateway import Balance, Gateway, GatewayError, get_gateway
from payments.models import Payment
from refunds import policies
from refunds.inputs import RefundRequest
from refunds.models import RefundRecord
from refunds.policies import RefundContext
from refunds.services.bank_accounts import accounts_maybe_in

logger = logging.getLogger(__name__)


def context_of(
    payment: Payment, request: RefundRequest, balance: Balance | None = None, *, by_shop: bool
) -> RefundContext:
    """Return everything the rules look at, as it is now. `balance` is what `balance_of` returned."""
    partials = payment.refunds.succeeded().count() if policies.counts_partials(payment) else 0
    return RefundContext(
        payment=payment,
        request=request,
        now=timezone.now(),
        contracts=settings.IAMPORT_CONTRACTS,
        partial_refunds=partials,
        earlier=earlier_of(payment),
        balance=balance,
        known_accounts=accounts_maybe_in(request.reason, payment),
        by_shop=by_shop,
        vbank_fee=settings.VBANK_REFUND_FEE,
    )


def earlier_of(payment: Payment) -> tuple[RefundRecord, ...]:
    """Return the payment's succeeded refunds, oldest first, if a rule looks at them."""
    if not policies.needs_earlier(payment):
        return ()
    return tuple(payment.refunds.succeeded().order_by("cancelled_at", "id"))


@dataclass(frozen=True, slots=True)
class BalanceReading:
    """Keep i'mport's answer to what is left of a payment (None: no answer), with what was refunded here by then."""

    balance: Balance | None
    cancel_amount: Decimal


def needs_balance(payment: Payment) -> bool:
    """Return whether a rule asks what is left tax-free, where i'mport tells (PAYCO)."""
    return policies.has_balance(payment) and payment.refundable_amount > 0


def read_balance(payment: Payment, gateway: Gateway | None = None) -> BalanceReading:
    """Read what is left tax-free of a payment that `needs_balance`."""
    return BalanceReading(balance_of(payment, gateway), payment.cancel_amount)


def balance_of(payment: Payment, gateway: Gateway | None = None) -> Balance | None:
    """Read what is left tax-free of a payment, where i'mport tells (PAYCO); None elsewhere and without an answer."""
    if not needs_balance(payment):
        return None
    try:
        return (gateway or get_gateway()).balance(payment.imp_uid)
    except GatewayError as exc:
        logger.warning("balance of %s could not be read: %s", payment.imp_uid, exc.message)
        return None
