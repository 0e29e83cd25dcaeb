"""A cancel that is to be checked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.server.clock import seoul
from sandbox.server.ledger import Balance
from sandbox.server.models import Payment
from sandbox.server.params import Params


@dataclass(frozen=True)
class CancelCase:
    """The input of every rule."""

    payment: Payment
    params: Params
    asked: Decimal
    left: Balance
    done_count: int
    contracts: dict[str, bool]
    mixed_mids: frozenset[str]
    now: int

    @property
    def pg(self) -> str:
        """Return the provider whose rules apply."""
        return self.payment.pg_provider

    @property
    def partial(self) -> bool:
        """Tell whether it is partial: to PGs, anything but the whole payment at once."""
        return self.asked != self.payment.amount

    @property
    def has_account(self) -> bool:
        """Tell whether the request has a complete refund account."""
        return all(self.params.text(name) for name in ("refund_holder", "refund_bank", "refund_account"))

    @property
    def other_month(self) -> bool:
        """Tell whether the payment was made in another month (Seoul time)."""
        paid, now = seoul(self.payment.paid_at), seoul(self.now)
        return (paid.year, paid.month) != (now.year, now.month)
