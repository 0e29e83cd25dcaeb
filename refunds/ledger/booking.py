"""Book the cancels that a reading of i'mport shows: the only code that changes `Payment.cancel_amount`.

Every function here runs inside the caller's transaction, which holds the lock on the payment's row.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import format_money
from payments.gateway import Cancellation, GatewayPayment
from payments.models import Payment
from refunds.ledger.matching import (
    PART_SHOWN,
    Reading,
    booked_keys,
    cancellation_keys,
    has_number,
    is_own,
    is_remainder,
    parts_of,
)
from refunds.ledger.transitions import add_event, announce, succeed
from refunds.messages import FOUND, FOUND_WITHOUT_ITEM
from refunds.models import RefundRecord, RefundSource, RefundStatus

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Booking:
    """What one reading changed.

    `imported`: cancels nobody here asked for. `settled`: the live refund, if it was found done. `live`: the
    refund that is still open afterwards.
    """

    imported: list[RefundRecord] = field(default_factory=list)
    settled: RefundRecord | None = None
    live: RefundRecord | None = None

    @property
    def imported_amount(self) -> Decimal:
        return sum((record.booked_amount for record in self.imported), Decimal(0))


def book(payment: Payment, shown: GatewayPayment, *, reading: Reading, now: datetime) -> Booking:
    """Book every cancel i'mport shows that we do not know yet, and set the payment's `cancel_amount`.

    A cancel becomes the success of the payment's live refund if it is its own, else a record of its own
    (source "console"). Nothing is ever taken back: an older reading changes nothing. The caller saves `payment`.
    """
    records = list(payment.refunds.all())
    for record in records:
        record.payment = payment
    known = booked_keys(records)
    unseen = [(key, item) for key, item in cancellation_keys(shown.cancel_history) if key not in known]
    live = next((record for record in records if record.is_live), None)
    booking = Booking()
    total = sum((record.booked_amount for record in records), Decimal(0))
    # Shown as items only now, but booked before from i'mport's total.
    booked_before = total + sum(item.amount for _key, item in unseen) - shown.cancel_amount
    is_first = True
    for key, item in unseen:
        numbered = live is not None and has_number(live, item)
        if not numbered and item.amount <= booked_before and _explain_remainder(records, item, key, now):
            booked_before -= item.amount
            continue
        if live and (numbered or is_own(live, item, reading=reading, first=is_first)):
            succeed(live, item, cancellation_id=key, now=now)
            booking.settled, live = live, None
        else:
            booking.imported.append(_import_cancel(payment, item, records, before=total, cancellation_id=key, now=now))
        total += item.amount
        is_first = False
    if live is None and shown.cancel_amount > total:
        rest = Cancellation(amount=shown.cancel_amount - total, cancelled_at=shown.cancelled_at)
        booking.imported.append(_import_cancel(payment, rest, records, before=total, cancellation_id="", now=now))
        total = shown.cancel_amount
    if shown.cancel_amount < total:
        logger.warning("%s: i'mport shows less refunded than the ledger (an older reading?)", payment.imp_uid)
    _set_totals(payment, records, total)
    booking.live = live
    return booking


def _set_totals(payment: Payment, records: list[RefundRecord], total: Decimal) -> None:
    if total != payment.cancel_amount:
        payment.cancel_amount = total
        payment.tax_free_left = payment.vat_left = None  # changed by an unknown share: read again when needed
    lapsed = Decimal(0)
    if payment.has_promotion:
        # What our refunds asked for and did not give back. Of the console's, i'mport says only what they gave back.
        done = [record for record in records if record.status == RefundStatus.SUCCEEDED]
        lapsed = sum((record.amount - record.booked_amount for record in done), Decimal(0))
    payment.lapsed_discount = max(Decimal(0), min(lapsed, payment.amount - total))


def _explain_remainder(records: list[RefundRecord], item: Cancellation, key: str, now: datetime) -> bool:
    """Find the cancel booked earlier from i'mport's total alone that this item is, or is a part of, and note it."""
    for record in filter(is_remainder, records):
        parts = parts_of(record)
        if item.amount > record.booked_amount - sum(parts.values()):
            continue
        if item.amount == record.booked_amount:
            RefundRecord.objects.filter(pk=record.pk).update(cancellation_id=key)
            record.cancellation_id = key
        else:
            message = _("i'mport's history now shows %(amount)s of it.") % {
                "amount": format_money(item.amount, record.payment.currency)
            }
            data = {"cancellation_id": key, "amount": str(item.amount)}
            add_event(record, code=PART_SHOWN, now=now, message=message, data=data)
        return True
    return False


def _import_cancel(
    payment: Payment,
    item: Cancellation,
    records: list[RefundRecord],
    *,
    before: Decimal,
    cancellation_id: str,
    now: datetime,
) -> RefundRecord:
    """A cancel that nobody here asked for, as a record of its own. `before`: what was refunded before it."""
    # Its number in our own form would mean a refund of ours that was given up as lost: worth a look.
    late = next((record for record in records if not record.is_live and record.number in item.reason), None)
    record = RefundRecord.objects.create(
        payment=payment,
        status=RefundStatus.SUCCEEDED,
        source=RefundSource.CONSOLE,
        amount=item.amount,
        checksum=payment.amount - payment.lapsed_discount - before,
        cancelled_amount=item.amount,
        reason=item.reason[:255],
        cancellation_id=cancellation_id,
        pg_tid=item.pg_tid[:100],
        receipt_url=item.receipt_url[:500],
        cancelled_at=item.cancelled_at,
        needs_review=late is not None or not cancellation_id,
        requested_at=item.cancelled_at or now,
        settled_at=now,
    )
    message, data = str(FOUND), {"cancellation_id": cancellation_id}
    if late is not None:
        message = _("i'mport shows that refund %(number)s was executed after all.") % {"number": late.number}
        data["late"] = late.number
    elif not cancellation_id:
        message = str(FOUND_WITHOUT_ITEM)
    add_event(record, code="imported", now=now, message=message, data=data)
    logger.info("%s: imported cancel %s", payment.imp_uid, cancellation_id)
    announce(record)
    return record
