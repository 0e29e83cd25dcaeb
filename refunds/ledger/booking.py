"""Book the cancels that a reading of i'mport shows: the only code that changes `Payment.cancel_amount`.

Every function here runs inside the caller's transaction.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from payments.gateway import GatewayPayment
from payments.intake.mirror import locked_reading
from payments.models import Payment
from refunds.ledger.matching import Reading, is_remainder
from refunds.ledger.plan import Import, Own, PartOf, Remainder, Step, plan
from refunds.ledger.taken_back import last_settled_at, note_difference
from refunds.ledger.transitions import add_event, announce, succeed
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus

logger = logging.getLogger(__name__)

# Code of the event that an item now shows part of a cancel booked from i'mport's total alone.
PART_SHOWN = "part_shown"


@dataclass(frozen=True, slots=True)
class Booking:
    """The changes that one reading made.

    `imported`: cancels nobody here requested. `settled`: the live refund, if it was found done. `live`: the
    refund that is still open afterwards.
    """

    payment: Payment
    imported: tuple[RefundRecord, ...] = ()
    settled: RefundRecord | None = None
    live: RefundRecord | None = None

    @property
    def imported_amount(self) -> Decimal:
        return sum((record.booked_amount for record in self.imported), Decimal(0))


def book_reading(shown: GatewayPayment, *, reading: Reading, now: datetime) -> Booking:
    """Lock the payment, copy i'mport's values onto it, book its cancels and save it.

    Every reading that refunds make enters the ledger here. Readings that `payments` makes run the same lines
    and announce themselves by the signal `payment_read`, from whose receiver `book` is called.
    """
    with locked_reading(shown) as payment:
        return book(payment, shown, reading=reading, now=now)


def book(payment: Payment, shown: GatewayPayment, *, reading: Reading, now: datetime) -> Booking:
    """Book every cancel of `shown` that we do not know yet, and set the payment's `cancel_amount`.

    A cancel becomes the success of the payment's live refund if it is its own, else a record of its own
    (source "console"). No booked cancel is taken back: an older reading changes nothing, and a newer one that shows
    less is noted (`taken_back`). `payment` must be locked; the caller saves it.
    """
    records = list(payment.refunds.all())
    for record in records:
        record.payment = payment
    booked_at = last_settled_at(records)
    steps = plan(records, shown, reading, parts=parts_shown(records))
    booking = apply(steps, payment, records, now=now)
    set_totals(payment, [*records, *booking.imported])
    note_difference(payment, shown, booked_at=booked_at, now=now)
    return booking


def apply(steps: Iterable[Step], payment: Payment, records: Sequence[RefundRecord], *, now: datetime) -> Booking:
    """Write the steps that `plan` made for these records of the payment."""
    imported: list[RefundRecord] = []
    settled = None
    for step in steps:
        match step:
            case Own(record, item, key):
                succeed(record, item, cancellation_id=key, now=now)
                settled = record
            case PartOf():
                _note_part(step, now)
            case Import() | Remainder():
                imported.append(_import_cancel(payment, step, now))
    live = next((record for record in records if record.is_live), None)
    return Booking(payment, tuple(imported), settled, live)


def parts_shown(records: Iterable[RefundRecord]) -> dict[int, dict[str, Decimal]]:
    """Read the items that turned out to make up the remainders among these records: key and amount, by record id."""
    remainders = [record.pk for record in records if is_remainder(record)]
    parts: dict[int, dict[str, Decimal]] = {}
    if remainders:
        events = RefundEvent.objects.filter(refund__in=remainders, code=PART_SHOWN)
        for record_id, data in events.values_list("refund_id", "data"):
            parts.setdefault(record_id, {})[data["cancellation_id"]] = Decimal(data["amount"])
    return parts


def set_totals(payment: Payment, records: Sequence[RefundRecord]) -> None:
    """Set the (locked) payment's `cancel_amount` and `lapsed_discount` from all its refunds."""
    total = sum((record.net_amount for record in records), Decimal(0))
    payment.cancel_amount = total
    lapsed = Decimal(0)
    if payment.has_promotion:
        # Requested by our refunds and not given back. Of console cancels i'mport says only what they gave back.
        done = [record for record in records if record.status == RefundStatus.SUCCEEDED and record.net_amount]
        lapsed = sum((record.amount - record.booked_amount for record in done), Decimal(0))
    payment.lapsed_discount = max(Decimal(0), min(lapsed, payment.amount - total))


def _note_part(step: PartOf, now: datetime) -> None:
    """Note the item that shows a remainder, or a part of it."""
    record, item = step.record, step.item
    if step.is_whole:
        RefundRecord.objects.filter(pk=record.pk).update(cancellation_id=step.key)
        record.cancellation_id = step.key
        return
    data = {"cancellation_id": step.key, "amount": str(item.amount)}
    add_event(record, code=PART_SHOWN, now=now, data=data)


def _import_cancel(payment: Payment, step: Import | Remainder, now: datetime) -> RefundRecord:
    """Create the record of a cancel that nobody here requested."""
    item = step.item
    key, late = (step.key, step.late) if isinstance(step, Import) else ("", None)
    record = RefundRecord.objects.create(
        payment=payment,
        status=RefundStatus.SUCCEEDED,
        source=RefundSource.CONSOLE,
        amount=item.amount,
        checksum=payment.amount - payment.lapsed_discount - step.before,
        cancelled_amount=item.amount,
        reason=item.reason[:255],
        cancellation_id=key,
        pg_tid=item.pg_tid[:100],
        receipt_url=item.receipt_url[:500],
        cancelled_at=item.cancelled_at,
        needs_review=late is not None or not key,
        requested_at=item.cancelled_at or now,
        settled_at=now,
    )
    data = {"cancellation_id": key} | ({"late": late.number} if late else {})
    add_event(record, code="imported", now=now, data=data)
    logger.info("%s: imported cancel %s", payment.imp_uid, key)
    announce(record)
    return record
