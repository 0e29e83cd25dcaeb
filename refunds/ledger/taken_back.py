"""Notice that i'mport shows less refunded than the ledger: a cancel was taken back, at the PG or by a bank.

Nothing is unbooked because of a reading. The difference is noted on the payment, and the note goes when a reading
agrees again; `refunds.reconciliation.reversal` books it when somebody with the permission accepts it.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from payments.gateway import GatewayPayment
from payments.models import Payment
from refunds.models import RefundRecord

logger = logging.getLogger(__name__)


def last_settled_at(records: Iterable[RefundRecord]) -> datetime | None:
    """Return when the newest of these refunds was booked."""
    return max((record.settled_at for record in records if record.booked_amount and record.settled_at), default=None)


def note_difference(payment: Payment, shown: GatewayPayment, *, booked_at: datetime | None, now: datetime) -> None:
    """Note on the (locked) payment how much less `shown` has refunded than the ledger; an older reading says nothing.

    `booked_at` is when the newest refund that was known before this reading was booked.
    """
    difference = payment.cancel_amount - shown.cancel_amount
    if difference <= 0:
        payment.taken_back, payment.taken_back_seen_at = Decimal(0), None
    elif not _is_older(shown, booked_at, now):
        if payment.taken_back != difference:
            logger.warning("%s: i'mport shows %s less refunded than the ledger", payment.imp_uid, difference)
        payment.taken_back = difference
        payment.taken_back_seen_at = payment.taken_back_seen_at or now


def _is_older(shown: GatewayPayment, booked_at: datetime | None, now: datetime) -> bool:
    """Return whether the reading may have been made before the newest refund was booked."""
    if booked_at is None:
        return False
    if shown.read_at is None:
        return booked_at > now - timedelta(seconds=settings.REFUND_LEASE_SECONDS)
    return shown.read_at < booked_at
