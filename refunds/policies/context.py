"""What the rules look at, and what they answer."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from payments.models import Payment
from refunds.errors import Violation
from refunds.inputs import RefundRequest


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one refund. Without violations it may be sent; warnings never stop it."""

    violations: tuple[Violation, ...]
    warnings: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class RefundContext:
    """Everything a rule may look at; rules read nothing else, neither clock nor database nor settings.

    `now` is aware. `contracts` are the merchant's (settings.IAMPORT_CONTRACTS), `vbank_fee` is in KRW.
    `partial_refunds` counts the succeeded partial refunds so far; only `counts_partials` payments need it.
    """

    payment: Payment
    request: RefundRequest
    now: datetime
    contracts: frozenset[str] = field(default_factory=frozenset)
    partial_refunds: int = 0
    vbank_fee: Decimal = Decimal(300)

    @property
    def amount(self) -> Decimal:
        """What is asked, or all that is left."""
        asked = self.request.amount
        return self.payment.refundable_amount if asked is None else asked

    @property
    def is_partial(self) -> bool:
        """Anything but one refund of the whole: to a PG, the rest of a payment is a part as well."""
        return 0 < self.amount < self.payment.amount

    @property
    def leaves_nothing(self) -> bool:
        """Whether everything that is left is refunded."""
        return self.amount == self.payment.refundable_amount
