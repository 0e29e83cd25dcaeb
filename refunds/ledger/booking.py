"""Book what i'mport shows: the only place that ends a refund record or changes `Payment.cancel_amount`.

Every function here runs inside the caller's transaction, which holds the lock on the payment's row.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from core.money import format_money
from core.request_ids import request_id
from payments.gateway import Cancellation, GatewayPayment
from payments.models import Payment
from refunds.ledger.matching import PART_SHOWN, booked_keys, cancellation_keys, is_remainder, parts_of
from refunds.messages import FOUND, FOUND_WITHOUT_ITEM
from refunds.models import FINAL_STATUSES, RefundEvent, RefundRecord, RefundSource, RefundStatus
from refunds.policies import sends_refund_number
from refunds.signals import refund_settled

logger = logging.getLogger(__name__)

# i'mport puts this where a cancel came without a reason.
_DEFAULT_REASON = "취소요청api"
# How far i'mport's clock may be behind ours when a cancel is recognised by its amount and time.
_CLOCK_SKEW = timedelta(seconds=60)


class Reading(Enum):
    """How a reading came about decides what may count as our own cancel in it."""

    ANSWER = "answer"  # to our accepted cancel: the first new item is ours, whatever it says
    REFUSAL = "refusal"  # after i'mport said no: our number, or (where none is sent) amount, time and exact reason
    LATER = "later"  # any other time: our number, or the amount, time and reason that fit


class AlreadySettled(Exception):
    """A record changed under us although its payment was locked: a bug, never hidden."""


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


def wire_reason(record: RefundRecord) -> str:
    """The `reason` that goes to i'mport: with our refund number behind it, except where it must be exact."""
    if not sends_refund_number(record.payment):
        return record.reason
    return f"{record.reason} ({record.number})" if record.reason else record.number


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
        numbered = live is not None and _has_number(live, item)
        if not numbered and item.amount <= booked_before and _explain_remainder(records, item, key, now):
            booked_before -= item.amount
            continue
        if live and (numbered or _is_own(live, item, reading=reading, first=is_first)):
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


def _has_number(live: RefundRecord, item: Cancellation) -> bool:
    return sends_refund_number(live.payment) and live.number in item.reason


def _is_own(live: RefundRecord, item: Cancellation, *, reading: Reading, first: bool) -> bool:
    """Whether this new item, which does not carry its number, is the live refund's cancel.

    Our checksum named the balance before it, so if it was carried out at all, it is the first cancel that we do
    not know yet.
    """
    numbered = sends_refund_number(live.payment)
    if not first or (reading is Reading.REFUSAL and (numbered or item.reason != live.reason)):
        return False
    return reading is Reading.ANSWER or _fits(live, item)


def _fits(live: RefundRecord, item: Cancellation) -> bool:
    """Whether amount, time and reason are what the live refund's cancel would show."""
    in_time = item.cancelled_at is None or item.cancelled_at >= live.requested_at - _CLOCK_SKEW
    reason_fits = item.reason in {"", _DEFAULT_REASON} or wire_reason(live).startswith(item.reason)
    return item.amount == live.amount and in_time and reason_fits


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
    _announce(record)
    return record


def succeed(record: RefundRecord, item: Cancellation, *, cancellation_id: str, now: datetime) -> None:
    """End a live refund as done, with what i'mport did; flagged for review if that is not what was asked."""
    differs = item.amount != record.amount
    message = ""
    if differs:
        currency = record.payment.currency
        message = _("%(asked)s was requested, %(done)s was refunded.") % {
            "asked": format_money(record.amount, currency),
            "done": format_money(item.amount, currency),
        }
    move(
        record,
        RefundStatus.SUCCEEDED,
        code="succeeded",
        now=now,
        message=message,
        data={"cancellation_id": cancellation_id, "amount": str(item.amount)},
        cancelled_amount=item.amount,
        cancellation_id=cancellation_id,
        pg_tid=item.pg_tid[:100],
        receipt_url=item.receipt_url[:500],
        cancelled_at=item.cancelled_at or now,
        needs_review=differs,
        error_code="",
    )


def move(
    record: RefundRecord,
    status: RefundStatus,
    *,
    code: str,
    now: datetime,
    message: str = "",
    note: str = "",
    actor: str = "",
    data: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a live record to another status, with the event that says so.

    The buyer reads `message`; a `note` stands in its place in the timeline, which only staff read.

    Raises `AlreadySettled` if the record is no longer what the caller holds: a final state is never left.
    """
    if status in FINAL_STATUSES:
        changes["settled_at"] = now
    changes |= {"status": status, "message": message}
    if not record.is_live or not RefundRecord.objects.filter(pk=record.pk, status=record.status).update(**changes):
        raise AlreadySettled(f"refund {record.number} is no longer {record.status}")
    for name, value in changes.items():
        setattr(record, name, value)
    add_event(record, code=code, now=now, message=note or message, actor=actor, data=data)
    if status in FINAL_STATUSES:
        _announce(record)


def _announce(record: RefundRecord) -> None:
    """Tell the receivers that this record has ended. What they get wrong must not undo it."""
    for _receiver, error in refund_settled.send_robust(RefundRecord, record=record):
        if isinstance(error, DatabaseError):  # the transaction is broken: nothing more can be written in it
            raise error


def add_event(
    record: RefundRecord,
    *,
    code: str,
    now: datetime,
    message: str = "",
    actor: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Add one line to the record's timeline, with the request that caused it if there is one."""
    current = request_id()
    data = {**(data or {}), **({"request_id": current} if current else {})}
    RefundEvent.objects.create(
        refund=record, at=now, status=record.status, code=code, message=message, actor=actor, data=data
    )
