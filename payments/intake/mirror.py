"""Find payments, and keep their mirror equal to i'mport."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import CharField, QuerySet

from payments.errors import AmbiguousOrder, PaymentNotFound
from payments.gateway import Gateway, GatewayError, GatewayPayment, StatusFilter, get_gateway
from payments.models import Payment
from payments.signals import payment_read

logger = logging.getLogger(__name__)

# Fields that i'mport alone decides. Not here: cancel_amount (the refund ledger's) and status (see apply_reading).
MIRRORED_FIELDS = tuple(
    field.name
    for field in fields(GatewayPayment)
    if field.name not in {"imp_uid", "status", "cancel_amount", "cancel_history"}
)
_CHUNK = 100


def find_payment(*, payments: QuerySet[Payment], imp_uid: str = "", merchant_uid: str = "") -> Payment:
    """The payment meant by these numbers, among `payments` (what the asker may see). `imp_uid` wins.

    Several payments can share a `merchant_uid`: the one with money left to refund is meant; if none has, the
    last one that was paid; if none was, the last try. Raises `PaymentNotFound`, or `AmbiguousOrder` when
    several have money left.
    """
    if not (imp_uid or merchant_uid).isprintable():  # a database could not even be asked for some of these
        raise PaymentNotFound(imp_uid or merchant_uid)
    if imp_uid:
        found = payments.filter(imp_uid=imp_uid).first()
        if found is None:
            raise PaymentNotFound(imp_uid)
        return found
    candidates = list(payments.filter(merchant_uid=merchant_uid).order_by("-paid_at", "-pk"))
    if not candidates:
        raise PaymentNotFound(merchant_uid)
    with_money = [payment for payment in candidates if payment.refundable_amount > 0]
    if len(with_money) > 1:
        raise AmbiguousOrder(merchant_uid, [payment.imp_uid for payment in with_money])
    paid = [payment for payment in candidates if payment.was_paid]
    return (with_money or paid or candidates)[0]


def find_by_number(*, payments: QuerySet[Payment], number: str) -> Payment:
    """The payment with this `imp_uid`, else the one meant by this `merchant_uid` (see `find_payment`).

    Raises `PaymentNotFound`, `AmbiguousOrder`.
    """
    try:
        return find_payment(payments=payments, imp_uid=number)
    except PaymentNotFound:
        return find_payment(payments=payments, merchant_uid=number)


def apply_reading(payment: Payment, shown: GatewayPayment) -> None:
    """Copy what i'mport shows onto the (locked) row; the caller books the cancels and saves.

    An older reading must not turn the status back: it counts only if it knows of every cancel we know of.
    """
    for name in MIRRORED_FIELDS:
        value = getattr(shown, name)
        field = Payment._meta.get_field(name)  # noqa: SLF001 (Django's public API)
        setattr(payment, name, value[: field.max_length] if isinstance(field, CharField) else value)
    if shown.cancel_amount >= payment.cancel_amount:
        payment.status = shown.status


def mirror_payment(shown: GatewayPayment) -> Payment:
    """Make our row equal to what i'mport shows, creating it if needed, and have its cancels booked.

    Safe to repeat, to run twice at once and beside a live refund. One short transaction.
    """
    with transaction.atomic():
        payment = Payment.objects.select_for_update().filter(imp_uid=shown.imp_uid).first()
        if payment is None:
            Payment.objects.bulk_create([_new_payment(shown)], ignore_conflicts=True)
            payment = Payment.objects.select_for_update().get(imp_uid=shown.imp_uid)
        apply_reading(payment, shown)
        payment_read.send(Payment, payment=payment, gateway_payment=shown)
        payment.save()
    return payment


class CannotBeBooked(Exception):
    """What i'mport shows of one payment breaks a rule of ours; the log says which."""


@contextmanager
def one_of_many(imp_uid: str) -> Iterator[None]:
    """Log what goes wrong with this payment and raise `CannotBeBooked` instead, so that the others can go on.

    What would go wrong with all of them passes: i'mport cannot be read, or the database is gone.
    """
    try:
        yield
    except (GatewayError, InterfaceError, OperationalError):
        raise
    except Exception as exc:
        logger.exception("%s: what i'mport shows could not be booked", imp_uid)
        raise CannotBeBooked(imp_uid) from exc


def _new_payment(shown: GatewayPayment) -> Payment:
    """An unsaved row with nothing refunded yet: what was cancelled is booked refund by refund."""
    payment = Payment(imp_uid=shown.imp_uid)
    apply_reading(payment, shown)
    return payment


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """One step of a sync: how many payments were read, and how many of them were new or changed here."""

    read: int
    created: int
    updated: int
    missing: tuple[str, ...] = ()  # asked for by number, unknown to i'mport
    unbookable: tuple[str, ...] = ()  # shown by i'mport, but against a rule of ours: left as they were
    upto: datetime | None = None  # all payments up to here are mirrored: where to resume


def sync_by_id(imp_uids: Sequence[str], *, gateway: Gateway | None = None) -> Iterator[SyncProgress]:
    """Mirror these payments, a hundred per call. Yields after each call; raises `GatewayError`."""
    gateway = gateway or get_gateway()
    wanted = list(dict.fromkeys(imp_uids))
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        shown = gateway.payments(chunk)
        missing = tuple(sorted(set(chunk) - {payment.imp_uid for payment in shown}))
        yield replace(_mirror_all(shown), missing=missing)


def sync_by_date(
    start: datetime, end: datetime, *, status: StatusFilter = "all", gateway: Gateway | None = None
) -> Iterator[SyncProgress]:
    """Mirror every payment whose final status was set in [start, end]. Yields after each page."""
    gateway = gateway or get_gateway()
    for page in gateway.payments_between(start, end, status=status):
        yield replace(_mirror_all(page.payments), upto=page.window_start)


def _mirror_all(shown: Sequence[GatewayPayment]) -> SyncProgress:
    """Mirror one call's worth of payments; untouched ones cost no write."""
    known = Payment.objects.in_bulk([payment.imp_uid for payment in shown], field_name="imp_uid")
    fresh = [payment for payment in shown if payment.imp_uid not in known]
    plain = [payment for payment in fresh if not payment.cancel_amount and not payment.cancel_history]
    Payment.objects.bulk_create([_new_payment(payment) for payment in plain], ignore_conflicts=True)
    with_cancels = [payment for payment in fresh if payment.cancel_amount or payment.cancel_history]
    changed = [payment for payment in shown if payment.imp_uid in known and _differs(known[payment.imp_uid], payment)]
    unbookable = set()
    for payment in (*with_cancels, *changed):
        try:
            with one_of_many(payment.imp_uid):
                mirror_payment(payment)
        except CannotBeBooked:
            unbookable.add(payment.imp_uid)
    return SyncProgress(
        read=len(shown),
        created=sum(payment.imp_uid not in unbookable for payment in fresh),
        updated=sum(payment.imp_uid not in unbookable for payment in changed),
        unbookable=tuple(sorted(unbookable)),
    )


def _differs(payment: Payment, shown: GatewayPayment) -> bool:
    """Whether this reading would change the row or its refunds."""
    if shown.cancel_amount != payment.cancel_amount:
        return True
    before = [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]
    apply_reading(payment, shown)
    return before != [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]


def read_tax_parts(payment: Payment, *, gateway: Gateway | None = None) -> None:
    """Read what is left by tax kind and keep it on the payment, unless it is known already.

    Does nothing if i'mport does not say: the rules then warn instead of deciding.
    """
    if payment.tax_free_left is not None:
        return
    try:
        balance = (gateway or get_gateway()).balance(payment.imp_uid)
    except GatewayError as exc:
        logger.warning("balance of %s could not be read: %s", payment.imp_uid, exc.message)
        return
    payment.tax_free_left = balance.tax_free
    payment.vat_left = balance.vat
    # Only if nothing was refunded meanwhile: a booked cancel sets both back to "not known".
    Payment.objects.filter(pk=payment.pk, cancel_amount=payment.cancel_amount).update(
        tax_free_left=balance.tax_free, vat_left=balance.vat
    )
