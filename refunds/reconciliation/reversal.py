"""Accept that i'mport took a cancel back: the ledger then agrees with i'mport, and the amount can be refunded again."""

import logging
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from core import clock
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.mirror import locked_reading
from payments.models import Payment
from refunds.errors import InvalidRequest, RefundError, RefundInProgress
from refunds.inputs import Actor
from refunds.lease import lease_is_over
from refunds.ledger import Booking, Reading, Share, book, reverse, shares_of
from refunds.models import RefundReversal
from refunds.reconciliation.errors import NothingTakenBack, ReversalChanged, ReversalNotRead

logger = logging.getLogger(__name__)

MAX_REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class ReversalPreview:
    """What accepting would do now. Amounts in major units of the payment's currency."""

    payment: Payment
    shown: Decimal  # refunded, by i'mport
    difference: Decimal
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class AcceptedReversal:
    """The reversals that were booked, and the payment afterwards."""

    payment: Payment
    reversals: tuple[RefundReversal, ...]

    @property
    def amount(self) -> Decimal:
        return sum((reversal.amount for reversal in self.reversals), Decimal(0))


def preview_reversal(*, payment: Payment, gateway: Gateway | None = None) -> ReversalPreview:
    """Read i'mport and return what accepting would book. Writes nothing.

    Raises `NothingTakenBack` and `ReversalNotRead`.
    """
    shown = _read(payment, gateway)
    difference = payment.cancel_amount - shown.cancel_amount
    if difference <= 0:
        raise NothingTakenBack
    records = list(payment.refunds.select_related("payment"))
    return ReversalPreview(payment, shown.cancel_amount, difference, tuple(shares_of(records, shown)))


def accept_reversal(
    *,
    payment: Payment,
    actor: Actor,
    reason: str,
    expected: Decimal | None = None,  # the difference that the actor was shown
    gateway: Gateway | None = None,
) -> AcceptedReversal:
    """Read i'mport afresh and book as reversed what it still shows refunded less than the ledger.

    Of two at once, one books it. Raises `InvalidRequest` (no reason), `ReversalNotRead`, `NothingTakenBack`,
    `ReversalChanged` (not the `expected` difference) and `RefundInProgress`; nothing is reversed then.
    """
    reason = reason.strip()[:MAX_REASON_LENGTH]
    if not reason:
        message = _("Enter why this is accepted: what you checked, and with whom.")
        raise InvalidRequest("missing_reason", message, field="reason")
    shown = _read(payment, gateway)
    refusal, reversals = None, []
    with transaction.atomic(durable=True), locked_reading(shown) as locked:
        now = clock.database_now()
        booking = book(locked, shown, reading=Reading.LATER, now=now)
        refusal = _refusal(booking, shown, expected)
        if refusal is None:
            reversals = reverse(locked, shown, actor=actor, reason=reason, now=now)
    if refusal is not None:  # what the reading showed is booked all the same
        raise refusal
    logger.info("%s: reversal accepted by %s", locked.imp_uid, actor.name)
    return AcceptedReversal(locked, tuple(reversals))


def _read(payment: Payment, gateway: Gateway | None) -> GatewayPayment:
    try:
        return (gateway or get_gateway()).payment(payment.imp_uid)
    except GatewayError as exc:
        raise ReversalNotRead(exc.message) from exc


def _refusal(booking: Booking, shown: GatewayPayment, expected: Decimal | None) -> RefundError | None:
    """Return why nothing can be reversed by this reading, if so."""
    payment = booking.payment
    difference = payment.cancel_amount - shown.cancel_amount
    if difference <= 0:
        return NothingTakenBack()
    # A refund whose call has ended may wait for this very reversal.
    if booking.live is not None and not lease_is_over(booking.live, clock.database_now()):
        return RefundInProgress()
    # Not what was noted: a refund was booked after this reading.
    if difference != payment.taken_back or expected not in (None, difference):
        return ReversalChanged()
    return None
