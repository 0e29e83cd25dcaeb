"""Compute what is left of a payment, and how a cancel changes it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sandbox.server import clock, promotions
from sandbox.server.models import Cancellation, Payment

DEFAULT_REASON = "취소요청api"
ZERO = Decimal(0)


@dataclass(frozen=True)
class Balance:
    """The parts of a payment that can still be cancelled; `asked` is before a promotion's discount."""

    asked: Decimal
    paid: Decimal
    tax_free: Decimal
    vat: Decimal

    @property
    def taxable(self) -> Decimal:
        """The taxable part that is left."""
        return max(self.paid - self.tax_free, ZERO)

    @property
    def supply(self) -> Decimal:
        """The net price of the taxable part."""
        return self.taxable - self.vat


@dataclass(frozen=True)
class CancelParts:
    """The amounts of one cancel: as requested, in money, and of each tax part."""

    asked: Decimal
    amount: Decimal
    tax_free: Decimal
    vat: Decimal


def paid_total(payment: Payment) -> Decimal:
    """Return what the buyer really paid."""
    return payment.amount - payment.promotion_discount


def vat_total(payment: Payment) -> Decimal:
    """Return the VAT given at payment, or an eleventh of the taxable part, as Korean law implies."""
    if payment.vat_amount is not None:
        return payment.vat_amount
    if payment.currency != "KRW":
        return ZERO
    taxable = paid_total(payment) - payment.tax_free
    return (taxable / 11).quantize(Decimal(1), ROUND_HALF_UP)


def balance_of(payment: Payment) -> Balance:
    """Compute what is left after the executed cancels."""
    done = [item for item in payment.cancellations.all() if item.state == Cancellation.State.DONE]
    returned = sum((item.returned for item in done), ZERO)
    return Balance(
        asked=payment.amount - sum((item.asked for item in done), ZERO) + returned,
        paid=paid_total(payment) - sum((item.amount for item in done), ZERO) + returned,
        tax_free=payment.tax_free - sum((item.tax_free for item in done), ZERO),
        vat=vat_total(payment) - sum((item.vat_amount for item in done), ZERO),
    )


def divide(
    payment: Payment,
    left: Balance,
    asked: Decimal,
    *,
    tax_free: Decimal | None = None,
    vat: Decimal | None = None,
    retain_promotion: bool = False,
) -> CancelParts:
    """Convert the requested amount into money and tax parts; the last cancel takes exactly what is left."""
    if asked == left.asked and tax_free is None:
        return CancelParts(asked, left.paid, left.tax_free, left.vat)
    amount = min(asked, left.paid)
    if payment.promotion_discount:
        amount = left.paid - promotions.price(payment, left.asked - asked, retain=retain_promotion)
    free = max(amount - left.taxable, ZERO) if tax_free is None else min(tax_free, amount)
    if vat is None:
        taxed = amount - free
        vat = ZERO if not left.taxable else left.vat * taxed / left.taxable
        vat = vat.quantize(payment.unit, ROUND_HALF_UP)
    return CancelParts(asked, amount, free, vat)


def new_cancellation(payment: Payment, parts: CancelParts, reason: str) -> Cancellation:
    """Build an unsaved cancellation; its pg_tid is the payment's, as with many PGs."""
    identity = f"cancel_{secrets.token_hex(12)}"
    return Cancellation(
        payment=payment,
        cancellation_id=identity,
        pg_tid=payment.pg_tid,
        asked=parts.asked,
        amount=parts.amount,
        tax_free=parts.tax_free,
        vat_amount=parts.vat,
        reason=reason or DEFAULT_REASON,
        receipt_url=f"https://receipt.sandbox.invalid/cancel/{identity}",
    )


def book(payment: Payment, cancellation: Cancellation, at: int) -> None:
    """Execute a cancellation. Call it inside a write transaction."""
    cancellation.state = Cancellation.State.DONE
    cancellation.cancelled_at = at
    cancellation.settle_at = None
    cancellation.save()
    payment.cancel_amount += cancellation.amount
    payment.status = Payment.Status.CANCELLED
    payment.cancelled_at = at
    payment.cancel_reason = cancellation.reason[:200]
    payment.touch(clock.now())
    payment.save()
