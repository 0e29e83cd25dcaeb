"""Input and result of the rules."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from payments.gateway import Balance
from payments.models import Payment
from refunds.errors import Violation
from refunds.inputs import RefundRequest
from refunds.models import RefundRecord


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rules' result for one refund. Violations block it; warnings do not."""

    violations: tuple[Violation, ...]
    warnings: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class RefundContext:
    """All input of the rules; they read neither clock nor database nor settings.

    `now` is aware. `contracts` are the merchant's (settings.IAMPORT_CONTRACTS), `vbank_fee` is in KRW.
    `partial_refunds` counts the succeeded partial refunds so far; only `counts_partials` payments need it.
    `earlier` are the succeeded refunds, oldest first, where `needs_earlier` says so. `balance` is PAYCO's.
    `known_accounts` are the digits of accounts that the payment's refunds went to, if the reason may contain one.
    """

    payment: Payment
    request: RefundRequest
    now: datetime
    contracts: frozenset[str]
    vbank_fee: Decimal
    partial_refunds: int = 0
    earlier: tuple[RefundRecord, ...] = ()
    balance: Balance | None = None
    known_accounts: frozenset[str] = frozenset()
    by_shop: bool = True  # staff or an operator asks, not a buyer or a program with a token

    @property
    def amount(self) -> Decimal:
        """Return the requested amount, or the whole refundable amount if none was given."""
        asked = self.request.amount
        return self.payment.refundable_amount if asked is None else asked

    @property
    def is_partial(self) -> bool:
        """Return whether this is not one refund of the whole payment: to a PG, the rest of a payment is partial too."""
        return 0 < self.amount < self.payment.amount

    @property
    def leaves_nothing(self) -> bool:
        """Return whether the whole refundable amount is refunded."""
        return self.amount == self.payment.refundable_amount
