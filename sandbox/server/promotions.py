"""Card discounts run by i'mport: what the rest of an order costs after a cancel."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from sandbox.server.models import Payment

ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """A discount for orders from `minimum` on: in per cent, or a fixed sum."""

    minimum: Decimal = ZERO
    percent: Decimal = ZERO
    off: Decimal = ZERO

    def price(self, order: Decimal) -> Decimal:
        """Return what an order costs in this tier."""
        return order - order * self.percent / 100 - self.off

    def rate(self, order: Decimal) -> Decimal:
        """Return the share that a partial cancel keeps. The guide counts a fixed sum against what was paid."""
        return self.off / self.price(order) if self.off else self.percent / 100


def price(payment: Payment, order: Decimal, *, retain: bool) -> Decimal:
    """Return what is due for the rest of an order: at the rate of the payment, or by the tier that it falls into."""
    if not order:
        return ZERO
    if retain:
        applied = tier_of(payment, payment.amount) or Tier()
        due = order * (1 - applied.rate(payment.amount))
    else:
        due = (tier_of(payment, order) or Tier()).price(order)
    return due.quantize(payment.unit, ROUND_UP)


def tier_of(payment: Payment, order: Decimal) -> Tier | None:
    """Return the tier with the highest minimum that an order meets."""
    met = [tier for tier in tiers(payment) if order >= tier.minimum]
    return max(met, key=lambda tier: tier.minimum, default=None)


def tiers(payment: Payment) -> list[Tier]:
    """Return the payment's tiers; without any, one that explains its discount and has no minimum."""
    if payment.promotion_tiers is None:
        return [Tier(percent=payment.promotion_discount * 100 / payment.amount)]
    return [Tier(**{name: Decimal(str(value)) for name, value in tier.items()}) for tier in payment.promotion_tiers]
