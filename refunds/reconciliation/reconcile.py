"""Make the ledger agree with i'mport again: settle what is open and import what was cancelled elsewhere.

Only ever reads i'mport; never sends a cancel again. Safe to run twice at once and beside live refunds.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from core import clock
from core.queue import UNTIL_NEXT_RUN
from core.sentences import joined
from core.sentences import sentence as _
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.catch_up import OVERLAP
from payments.intake.mirror import CannotBeBooked, one_of_many
from payments.models import Payment
from refunds.errors import RefundAbandoned
from refunds.lease import lease_end, lease_is_over
from refunds.ledger import Booking, Reading, add_event, book_reading, move
from refunds.messages import NOT_CARRIED_OUT, NOT_SHOWN, READ_TOO_EARLY, UNBOOKABLE, message_of, taken_back_message
from refunds.models import RefundRecord, RefundStatus
from refunds.policies import settles_later

logger = logging.getLogger(__name__)

_CHUNK = 100
CONSOLE_DAYS = 89  # just below the 90 that i'mport lists in one call

# The sweep compares an open refund again after these waits, then hourly.
_WAITS = (UNTIL_NEXT_RUN, timedelta(minutes=5), timedelta(minutes=30))
_LAST_WAIT = timedelta(hours=1)

ReconcileOutcome = Literal[
    "agrees", "settled", "not_carried_out", "imported", "waiting", "taken_back", "unreachable", "unbookable"
]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The outcome for one payment. `unresolved` is its refund that is still open, `shown` the reading, if any."""

    payment: Payment
    outcome: ReconcileOutcome
    message: str
    imported: tuple[RefundRecord, ...] = ()
    unresolved: RefundRecord | None = None
    shown: GatewayPayment | None = None


def unresolved_payments(now: datetime | None = None) -> QuerySet[Payment]:
    """Return the payments of all unresolved refunds, and those for which i'mport shows less refunded than we do."""
    return _payments_of(RefundRecord.objects.unresolved(now or clock.database_now()), Payment.objects.taken_back())


def due_payments(now: datetime | None = None) -> QuerySet[Payment]:
    """Return the payments of `unresolved_payments` whose next comparison is due: what a periodic run looks at."""
    now = now or clock.database_now()
    taken_back = Payment.objects.taken_back().filter(updated_at__lte=now - _LAST_WAIT)
    return _payments_of(RefundRecord.objects.due(now), taken_back)


def _payments_of(refunds: QuerySet[RefundRecord], others: QuerySet[Payment]) -> QuerySet[Payment]:
    # A union, because OR would cost the database both partial indexes.
    wanted = refunds.order_by().values("payment").union(others.order_by().values("pk"))
    return Payment.objects.filter(pk__in=wanted)


def reconcile(*, payments: QuerySet[Payment] | None = None, gateway: Gateway | None = None) -> Iterator[Reconciled]:
    """Compare these payments (default: all with an unresolved refund) with i'mport and repair the ledger.

    Yields one result per payment; one that i'mport does not show is "unreachable", one whose reading breaks a
    constraint of ours "unbookable".
    """
    gateway = gateway or get_gateway()
    wanted = list(payments if payments is not None else unresolved_payments())
    for start in range(0, len(wanted), _CHUNK):
        yield from _reconcile_chunk(wanted[start : start + _CHUNK], gateway)


def reconcile_due(*, gateway: Gateway | None = None) -> Iterator[Reconciled]:
    """Compare the payments that are due, and plan the next comparison of each refund that stays open.

    Only this periodic run plans: a comparison that somebody requests never postpones the next one of its own.
    """
    for result in reconcile(payments=due_payments(), gateway=gateway):
        if result.unresolved is not None:
            _plan_next(result.unresolved, clock.database_now())
        yield result


def import_cancels(*, days: int = CONSOLE_DAYS, gateway: Gateway | None = None) -> Iterator[Reconciled]:
    """Find the cancels of the last days at i'mport that our payments lack, and book them.

    Yields only payments that changed. Raises `GatewayError` if i'mport cannot be read.
    """
    gateway = gateway or get_gateway()
    read_at = clock.database_now()
    # i'mport's clock can be ahead of ours.
    for page in gateway.payments_between(read_at - timedelta(days=days), read_at + OVERLAP, status="cancelled"):
        shown = {payment.imp_uid: payment for payment in page.payments}
        for payment in Payment.objects.filter(imp_uid__in=shown):
            if payment.shown_cancel_amount != shown[payment.imp_uid].cancel_amount:
                yield _try_repair(payment, shown[payment.imp_uid], read_at)


def _reconcile_chunk(payments: Sequence[Payment], gateway: Gateway) -> Iterator[Reconciled]:
    read_at = clock.database_now()  # before the call: a refund may be executed after it was read
    try:
        found = {shown.imp_uid: shown for shown in gateway.payments([payment.imp_uid for payment in payments])}
        missing = str(NOT_SHOWN)
    except GatewayError as exc:
        found, missing = {}, exc.message
    for payment in payments:
        if payment.imp_uid in found:
            yield _try_repair(payment, found[payment.imp_uid], read_at)
        else:
            yield Reconciled(payment, "unreachable", missing, unresolved=_still_open(payment, read_at))


def _try_repair(payment: Payment, shown: GatewayPayment, read_at: datetime) -> Reconciled:
    """Repair one payment. One that cannot be booked does not stop the others."""
    try:
        with one_of_many(payment.imp_uid):
            return repair(shown, read_at)
    except CannotBeBooked:
        unresolved = _still_open(payment, read_at)
        return Reconciled(payment, "unbookable", str(UNBOOKABLE), unresolved=unresolved, shown=shown)


@transaction.atomic(durable=True)
def _still_open(payment: Payment, now: datetime) -> RefundRecord | None:
    """Return the payment's open refund, if any; one that stays open for too long needs review."""
    live = payment.refunds.live().first()
    if live is not None:
        _review_if_needed(live, now)
    return live


@dataclass(frozen=True, slots=True)
class Closing:
    """The refund that somebody closes by hand, and why."""

    refund_id: int
    actor: str
    reason: str


def repair(shown: GatewayPayment, read_at: datetime, *, closing: Closing | None = None) -> Reconciled:
    """Book one reading. A refund that it does not show and whose call ended before it was not executed: end it.

    `read_at` is when the reading began. `closing` names the refund to end by hand if the reading does not show it.
    """
    with transaction.atomic(durable=True):
        now = clock.database_now()
        booking = book_reading(shown, reading=Reading.LATER, now=now)
        live = booking.live
        # Only the refund that was closed: it may have ended meanwhile, and another one begun.
        if live is not None and closing is not None and closing.refund_id == live.pk:
            _give_up(live, now, code="closed_by_hand", note=closing.reason, actor=closing.actor)
        elif live is not None and not booking.is_contested and _would_show(live) and lease_is_over(live, read_at):
            _give_up(live, now, code="not_carried_out")
        elif live is not None:
            payment = booking.payment
            is_unexplained = shown.cancel_amount > payment.cancel_amount or payment.taken_back > 0
            at_once = booking.is_contested and is_unexplained and lease_is_over(live, read_at)
            _review_if_needed(live, now, at_once=at_once)
    return _with_difference(replace(_result(booking), shown=shown), shown)


def _would_show(live: RefundRecord) -> bool:
    """Return whether i'mport shows this refund as soon as it is executed. An accepted one can take days."""
    return live.status != RefundStatus.PENDING and not settles_later(live.payment)


def _give_up(live: RefundRecord, now: datetime, *, code: str, note: str = "", actor: str = "") -> None:
    move(
        live,
        RefundStatus.FAILED,
        code=code,
        now=now,
        message=str(NOT_CARRIED_OUT),
        note=note,
        actor=actor,
        error_code=RefundAbandoned.code,
        needs_review=False,
    )


def _plan_next(live: RefundRecord, now: datetime) -> None:
    """Plan the next comparison of a due refund. The waits begin to grow when its lease is over."""
    # Guarded: of two runs at once, one plans.
    still_due = RefundRecord.objects.due(now).filter(pk=live.pk)
    if lease_is_over(live, now):
        wait = _WAITS[live.checks] if live.checks < len(_WAITS) else _LAST_WAIT
        still_due.update(checks=live.checks + 1, next_check_at=now + wait)
    else:
        still_due.update(next_check_at=min(now + _WAITS[0], lease_end(live)))


def _review_if_needed(live: RefundRecord, now: datetime, *, at_once: bool = False) -> None:
    """Hand a refund to staff that stays open for too long, or (`at_once`) that nothing but a person can decide."""
    too_long = timedelta(hours=0 if at_once else settings.REFUND_REVIEW_AFTER_HOURS)
    unflagged = RefundRecord.objects.live().filter(pk=live.pk, needs_review=False)
    # Guarded: of two runs at once, one requests the review.
    if now - live.requested_at > too_long and unflagged.update(needs_review=True):
        live.needs_review = True
        add_event(live, code="needs_review", now=now, data={"checks": live.checks})


def _result(booking: Booking) -> Reconciled:
    payment, imported = booking.payment, booking.imported
    if booking.live is not None and booking.live.status == RefundStatus.FAILED:
        return Reconciled(payment, "not_carried_out", message_of(booking.live), imported)
    if booking.live is not None:
        message = _("The refund is still open: %(status)s.") % {"status": booking.live.get_status_display()}
        return Reconciled(payment, "waiting", message, imported, booking.live)
    if booking.settled is not None:
        return Reconciled(payment, "settled", _("The refund was executed."), imported)
    late = [record.late_for for record in imported if record.late_for]
    if late:
        return Reconciled(payment, "imported", joined(*map(message_of, late)), imported)
    if imported:
        return Reconciled(payment, "imported", _("Refunds made at i'mport were added here."), imported)
    return Reconciled(payment, "agrees", _("Agrees with i'mport."))


def _with_difference(result: Reconciled, shown: GatewayPayment) -> Reconciled:
    """Say that i'mport shows less refunded than the ledger: such a payment never "agrees"."""
    payment = result.payment
    if shown.cancel_amount >= payment.cancel_amount:
        return result
    agrees = result.outcome == "agrees"
    if not payment.taken_back:
        return replace(result, outcome="waiting", message=str(READ_TOO_EARLY)) if agrees else result
    done = "" if agrees else result.message
    return replace(result, outcome="taken_back", message=joined(done, taken_back_message(payment)))
