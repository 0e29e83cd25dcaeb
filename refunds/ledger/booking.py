"""Book the cancels that a reading of i'mport shows: the only code that changes `Payment.cancel_amount`.

Every function here runs inside the caller's transaction.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core import clock
from core.database.rows import rows_of
from payments.gateway import GatewayPayment
from payments.intake.mirror import locked_reading
from payments.models import Payment
from refunds.lease import lease_is_over
from refunds.ledger.arrival import expected_by
from refunds.ledger.booked import Identified, PartOf
from refunds.ledger.matching import Reading, is_remainder
from refunds.ledger.plan import Import, Own, Remainder, Step, Wait, plan
from refunds.ledger.taken_back import last_settled_at, note_difference
from refunds.ledger.transitions import add_event, announce, succeed
from refunds.models import RefundEvent, RefundRecord, RefundSource, RefundStatus

logger = logging.getLogger(__name__)

# Code of the event that an item now shows part of a cancel booked from i'mport's total alone.
PART_SHOWN = "part_shown"
# See `core.database.rows`.
_OF_PAYMENT = "SELECT * FROM refunds_refundrecord WHERE payment_id = %s ORDER BY requested_at DESC, id DESC"


@dataclass(frozen=True, slots=True)
class Booking:
    """The changes that one reading made.

    `imported`: cancels nobody here requested. `settled`: the live refund, if it was found done. `live`: the
    refund that is still open afterwards. `is_contested`: the reading holds money that may be its own, or is older
    than the ledger, so the live refund must not be ended as not executed.
    """

    payment: Payment
    imported: tuple[RefundRecord, ...] = ()
    settled: RefundRecord | None = None
    live: RefundRecord | None = None
    is_contested: bool = False

    @property
    def imported_amount(self) -> Decimal:
        return sum((record.booked_amount for record in self.imported), Decimal(0))


def book_reading(
    shown: GatewayPayment, *, reading: Reading, now: datetime, asked: RefundRecord | None = None
) -> Booking:
    """Lock the payment, copy i'mport's values onto it, book its cancels and save it.

    Every reading that refunds make enters the ledger here. Readings that `payments` makes run the same lines
    and announce themselves by the signal `payment_read`, from whose receiver `book` is called.
    """
    with locked_reading(shown) as payment:
        return book(payment, shown, reading=reading, now=now, asked=asked)


def book(
    payment: Payment, shown: GatewayPayment, *, reading: Reading, now: datetime, asked: RefundRecord | None = None
) -> Booking:
    """Book every cancel of `shown` that we do not know yet, and set the payment's `cancel_amount`.

    A cancel becomes the success of the payment's live refund if it is its own, else a record of its own
    (source "console"). No booked cancel is taken back: an older reading changes nothing, and a newer one that shows
    less is noted (`taken_back`). `asked` is the refund whose call was answered or refused. `payment` must be locked;
    the caller saves it.
    """
    records = rows_of(RefundRecord, _OF_PAYMENT, [payment.pk])
    for record in records:
        record.payment = payment
    booked_at = last_settled_at(records)
    live = next((record for record in records if record.is_live), None)
    steps = plan(records, shown, _as_seen_by(live, reading, asked), parts=parts_shown(records))
    booking = apply(steps, payment, records, now=now)
    set_totals(payment, [*records, *booking.imported])
    note_difference(payment, shown, booked_at=booked_at, now=now)
    return booking


def _as_seen_by(live: RefundRecord | None, reading: Reading, asked: RefundRecord | None) -> Reading:
    """Return what the reading is to the live refund: the answer to another one's call is any reading to it."""
    if live is None or (reading is not Reading.LATER and asked is not None and asked.pk == live.pk):
        return reading
    has_ended = live.status == RefundStatus.PENDING or lease_is_over(live, clock.database_now())
    return Reading.LATER if has_ended else Reading.DURING


def apply(steps: Iterable[Step], payment: Payment, records: Sequence[RefundRecord], *, now: datetime) -> Booking:
    """Write the steps that `plan` made for these records of the payment."""
    imported: list[RefundRecord] = []
    settled = None
    is_contested = False
    for step in steps:
        match step:
            case Own():
                succeed(step, now=now)
                settled = step.record
            case Identified():
                _identify(step)
            case PartOf():
                _note_part(step, now)
            case Import() | Remainder():
                imported.append(_import_cancel(payment, step, now))
            case Wait():
                is_contested = True
    live = next((record for record in records if record.is_live), None)
    return Booking(payment, tuple(imported), settled, live, is_contested)


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
    payment.lapsed_discount = _lapsed_discount(payment, records)


def _lapsed_discount(payment: Payment, records: Sequence[RefundRecord]) -> Decimal:
    """Return what our refunds requested and i'mport did not give back: the promotion's discount on that part.

    Of console cancels i'mport says only what they gave back. Whether `amount` counts before the discount is not
    documented; if more was given back than `amount` less the discount, it does not, and nothing of it has lapsed.
    """
    rest, discount = payment.amount - payment.cancel_amount, payment.promotion_discount
    if not payment.has_promotion or rest < discount:
        return Decimal(0)
    done = [record for record in records if record.status == RefundStatus.SUCCEEDED and record.net_amount]
    lapsed = sum((record.amount - record.booked_amount for record in done), Decimal(0))
    return max(Decimal(0), min(lapsed, discount or rest))


def link_late_cancel(record: RefundRecord) -> None:
    """Link a refund that was given up with the cancel that i'mport shows for it: i'mport said that it executed it.

    Without our number in it, the cancel was booked as somebody else's. The payment must be locked.
    """
    if record.executed_late:
        return
    found = record.payment.refunds.succeeded().filter(
        source=RefundSource.CONSOLE,
        late_for=None,
        cancelled_amount=record.amount,
        settled_at__gte=record.requested_at,
    )
    late = found.order_by("-settled_at", "-pk").first()
    if late is not None:
        late.late_for, late.needs_review = record, True
        late.save(update_fields=["late_for", "needs_review"])
        logger.warning("refund %s was given up, but executed: it is cancel %s", record.number, late.cancellation_id)


def _identify(step: Identified) -> None:
    """Write the key that i'mport now shows for a cancel that is booked already, and what was not known of it."""
    record, item = step.record, step.item
    changes = {
        "cancellation_id": step.key,
        "pg_tid": record.pg_tid or item.pg_tid,
        "receipt_url": record.receipt_url or item.receipt_url,
    }
    RefundRecord.objects.filter(pk=record.pk).update(**changes)
    logger.info("%s: refund %s is cancel %s", record.payment.imp_uid, record.number, step.key)
    for name, value in changes.items():
        setattr(record, name, value)


def _note_part(step: PartOf, now: datetime) -> None:
    """Note the item that shows a part of a cancel booked from i'mport's total alone."""
    data = {"cancellation_id": step.key, "amount": str(step.item.amount)}
    add_event(step.record, code=PART_SHOWN, now=now, data=data)


def _import_cancel(payment: Payment, step: Import | Remainder, now: datetime) -> RefundRecord:
    """Create the record of a cancel that nobody here requested."""
    item = step.item
    key, late = (step.key, step.late) if isinstance(step, Import) else ("", None)
    record = RefundRecord(
        payment=payment,
        status=RefundStatus.SUCCEEDED,
        source=RefundSource.CONSOLE,
        amount=item.amount,
        checksum=payment.amount - payment.lapsed_discount - step.before,
        cancelled_amount=item.amount,
        reason=item.reason,
        cancellation_id=key,
        pg_tid=item.pg_tid,
        receipt_url=item.receipt_url,
        cancelled_at=item.cancelled_at,
        expected_by=expected_by(payment, amount=item.amount, cancelled_at=item.cancelled_at),
        needs_review=late is not None or not key,
        late_for=late if late is not None and late.executed_late is None else None,
        requested_at=item.cancelled_at or now,
        settled_at=now,
    )
    record.frozen_reason = late.frozen_reason if late else None
    record.save(force_insert=True)
    data = {"cancellation_id": key} | ({"late": late.number} if late else {})
    add_event(record, code="imported", now=now, data=data)
    logger.info("%s: imported cancel %s", payment.imp_uid, key)
    announce(record)
    return record
