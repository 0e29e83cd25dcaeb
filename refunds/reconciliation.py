"""Make the ledger agree with i'mport again: settle what is open and import what was cancelled elsewhere.

Only ever reads i'mport; never sends a cancel again.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.models import Payment
from payments.services import apply_reading
from refunds.errors import RefundAbandoned
from refunds.ledger import Booking, Reading, book, move
from refunds.models import RefundRecord, RefundStatus
from refunds.services import lease_is_over

logger = logging.getLogger(__name__)

_CHUNK = 100
CONSOLE_DAYS = 90  # one window of i'mport's listing

Outcome = Literal["agrees", "settled", "not_carried_out", "imported", "waiting", "unreachable"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What became of one payment. `unresolved` is its refund that is still open, if any."""

    payment: Payment
    outcome: Outcome
    message: str
    imported: tuple[RefundRecord, ...] = ()
    unresolved: RefundRecord | None = None


def unresolved_payments(now: datetime | None = None) -> QuerySet[Payment]:
    """Payments whose refund is unknown or pending, or was requested so long ago that its process must be gone."""
    now = now or timezone.now()
    open_ids = [
        record.payment_id
        for record in RefundRecord.objects.live()
        if record.status != RefundStatus.REQUESTED or lease_is_over(record, now)
    ]
    return Payment.objects.filter(pk__in=open_ids)


def reconcile(*, payments: QuerySet[Payment] | None = None, gateway: Gateway | None = None) -> Iterator[Reconciled]:
    """Compare these payments (default: all with an open refund) with i'mport and repair the ledger.

    Yields one result per payment. Safe to run twice at once and beside live refunds.
    """
    gateway = gateway or get_gateway()
    wanted = list(payments if payments is not None else unresolved_payments())
    for start in range(0, len(wanted), _CHUNK):
        yield from _reconcile_chunk(wanted[start : start + _CHUNK], gateway)


def import_cancels(*, days: int = CONSOLE_DAYS, gateway: Gateway | None = None) -> Iterator[Reconciled]:
    """Look through what was cancelled at i'mport in the last days for cancels that our payments lack.

    Yields only payments that changed. Raises `GatewayError` if i'mport cannot be read.
    """
    gateway = gateway or get_gateway()
    read_at = timezone.now()
    for page in gateway.payments_between(read_at - timedelta(days=days), read_at, status="cancelled"):
        shown = {payment.imp_uid: payment for payment in page.payments}
        for payment in Payment.objects.filter(imp_uid__in=shown):
            if payment.cancel_amount != shown[payment.imp_uid].cancel_amount:
                yield _repair(payment, shown[payment.imp_uid], read_at)


def _reconcile_chunk(payments: Sequence[Payment], gateway: Gateway) -> Iterator[Reconciled]:
    read_at = timezone.now()  # before the call: what was not carried out by then may still come after it
    try:
        found = {shown.imp_uid: shown for shown in gateway.payments([payment.imp_uid for payment in payments])}
    except GatewayError as exc:
        for payment in payments:
            yield Reconciled(payment, "unreachable", exc.message, unresolved=payment.refunds.live().first())
        return
    for payment in payments:
        shown = found.get(payment.imp_uid)
        if shown is None:
            message = _("i'mport does not know this payment, or could not be read.")
            yield Reconciled(payment, "unreachable", message, unresolved=payment.refunds.live().first())
        else:
            yield _repair(payment, shown, read_at)


def _repair(payment: Payment, shown: GatewayPayment, read_at: datetime) -> Reconciled:
    """Book one reading; a refund it does not show, whose call must have ended before it, was not carried out."""
    with transaction.atomic(durable=True):
        now = timezone.now()
        locked = Payment.objects.select_for_update().get(pk=payment.pk)
        apply_reading(locked, shown)
        booking = book(locked, shown, reading=Reading.LATER, now=now)
        locked.save()
        live = booking.live
        if live is not None and live.status != RefundStatus.PENDING and lease_is_over(live, read_at):
            move(
                live,
                RefundStatus.FAILED,
                code="not_carried_out",
                now=now,
                message=_("i'mport shows that this refund was not carried out. Ask again if it is still wanted."),
                error_code=RefundAbandoned.code,
            )
    return _result(locked, booking)


def _result(payment: Payment, booking: Booking) -> Reconciled:
    imported = tuple(booking.imported)
    if booking.live is not None and booking.live.status == RefundStatus.FAILED:
        return Reconciled(payment, "not_carried_out", booking.live.message, imported)
    if booking.live is not None:
        message = _("The refund is still open: %(status)s.") % {"status": booking.live.get_status_display()}
        return Reconciled(payment, "waiting", message, imported, booking.live)
    if booking.settled is not None:
        return Reconciled(payment, "settled", _("The refund was carried out."), imported)
    if imported:
        return Reconciled(payment, "imported", _("Refunds made at i'mport were added here."), imported)
    return Reconciled(payment, "agrees", _("Agrees with i'mport."))
