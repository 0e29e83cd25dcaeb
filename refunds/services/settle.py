"""Step 3 of a refund: write what i'mport answered, in one short transaction each."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.money import format_money
from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway import GatewayPayment, GatewayRejected, classify_refusal
from payments.models import Payment
from refunds.errors import RefundAbandoned, RefundRefused
from refunds.ledger import AlreadySettled, Booking, Reading, book_reading, link_late_cancel, move
from refunds.messages import ACCEPTED
from refunds.models import MONEY_MAY_MOVE, RefundRecord, RefundStatus

# i'mport's code for a cancel that it refused itself, before it asked the PG: such a cancel was not executed. It is no
# proof that i'mport executed none: the payment is read and compared all the same.
REFUSED_BEFORE_PG = 1

logger = logging.getLogger(__name__)


@transaction.atomic(durable=True)
def settle_answer(record: RefundRecord, shown: GatewayPayment) -> RefundRecord:
    """Book an accepted cancel: done if i'mport shows it, else accepted and still to come.

    Another process may have given the refund up meanwhile: then its cancel is booked as a late one.
    """
    now = timezone.now()
    booking = book_reading(shown, reading=Reading.ANSWER, now=now, asked=record)
    if booking.live is not None and booking.live.pk == record.pk:
        move(booking.live, RefundStatus.PENDING, code="accepted", now=now, message=str(ACCEPTED))
    current = _current(record, booking)
    if current.error_code == RefundAbandoned.code:
        link_late_cancel(current)
    return current


@transaction.atomic(durable=True)
def settle_refusal(record: RefundRecord, refusal: GatewayRejected, shown: GatewayPayment) -> RefundRecord:
    """End a refused refund, after booking what the reading shows that we did not know.

    It stays open if the reading holds money that may be its own.
    """
    now = timezone.now()
    reading = Reading.REJECTION if refusal.gateway_code == REFUSED_BEFORE_PG else Reading.REFUSAL
    booking = book_reading(shown, reading=reading, now=now, asked=record)
    live = booking.live
    if live is not None and live.pk == record.pk and booking.is_contested:
        move(live, RefundStatus.UNKNOWN, code="outcome_unknown", now=now, message=refusal.message)
    elif live is not None and live.pk == record.pk:
        classified = _classified(refusal, shown.pg_provider)
        message = joined(_drift_message(booking, classified["refusal_class"]), refusal.message)
        move(
            live,
            RefundStatus.FAILED,
            code="refused",
            now=now,
            message=message,
            note=message,
            data={"gateway_code": refusal.gateway_code, "imported": len(booking.imported)},
            error_code=RefundRefused.code,
            **classified,
        )
    return _current(record, booking)


@transaction.atomic(durable=True)
def settle_failed(
    record: RefundRecord, *, code: str, message: str, refusal: GatewayRejected | None = None
) -> RefundRecord:
    """End a refund that certainly was not executed. `refusal` is i'mport's, if it was refused."""
    _lock_payment(record)
    classified = _classified(refusal, record.payment.pg_provider) if refusal else {}
    with _unless_settled_meanwhile(record):
        now = timezone.now()
        move(
            record,
            RefundStatus.FAILED,
            code=code,
            now=now,
            message=message,
            note=message,
            error_code=code,
            **classified,
        )
    return record


@transaction.atomic(durable=True)
def settle_unknown(record: RefundRecord, message: str) -> RefundRecord:
    """Note that no outcome is known; the record stays live until i'mport is read."""
    _lock_payment(record)
    with _unless_settled_meanwhile(record):
        move(record, RefundStatus.UNKNOWN, code="outcome_unknown", now=timezone.now(), message=message, note=message)
    return record


def _classified(refusal: GatewayRejected, pg_provider: str) -> dict[str, Any]:
    """Return the columns for what i'mport's text means: a hint for staff, which decides nothing."""
    found = classify_refusal(refusal.message, pg_provider=pg_provider)
    return {"refusal_class": found.kind, "refusal_step": found.next_step}


def _lock_payment(record: RefundRecord) -> None:
    Payment.objects.select_for_update().get(pk=record.payment_id)


def _current(record: RefundRecord, booking: Booking) -> RefundRecord:
    """Return the record as it is after the booking: a sync or a notification may have settled it before us."""
    for found in (booking.settled, booking.live):
        if found is not None and found.pk == record.pk:
            return found
    return RefundRecord.objects.select_related("payment").get(pk=record.pk)


@contextmanager
def _unless_settled_meanwhile(record: RefundRecord) -> Iterator[None]:
    """Keep the outcome of a concurrent settlement: whoever ended the record has read i'mport, and we have not."""
    try:
        yield
    except AlreadySettled:
        record.refresh_from_db()
        logger.info("refund %s was settled meanwhile: %s", record.number, record.status)


def _drift_message(booking: Booking, refusal_class: str) -> str:
    if booking.live is not None and booking.payment.taken_back:
        return _(
            "Not refunded: i'mport shows less refunded than is recorded here, and staff have not accepted that yet. "
            "i'mport said:"
        )
    if not booking.imported or booking.live is None:
        return ""
    payment = booking.live.payment
    if refusal_class in MONEY_MAY_MOVE:
        message = _(
            "Not refunded: %(refunded)s had already been refunded in i'mport and is now recorded. "
            "%(left)s is left. i'mport said:"
        )
    else:
        message = _(
            "Not refunded: %(refunded)s had already been refunded in i'mport and is now recorded. "
            "%(left)s is left; check the amount and try again. i'mport said:"
        )
    return message % {
        "refunded": format_money(booking.imported_amount, payment.currency),
        "left": format_money(payment.refundable_amount, payment.currency),
    }
