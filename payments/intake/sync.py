"""Mirror payments by number or by date, many per call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from payments.gateway import Gateway, GatewayPayment, StatusFilter, get_gateway
from payments.intake.mirror import (
    MIRRORED_FIELDS,
    CannotBeBooked,
    apply_reading,
    mirror_payment,
    new_payment,
    one_of_many,
)
from payments.models import Payment

_CHUNK = 100  # payments in one call


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """One step of a sync: how many payments were read, and how many of them were new or changed."""

    read: int
    created: int
    updated: int
    missing: tuple[str, ...] = ()  # requested by number, unknown to i'mport
    unbookable: tuple[str, ...] = ()  # violate a rule of ours, so they were left as they were
    upto: datetime | None = None  # everything before this is mirrored: where to resume


def sync_by_id(imp_uids: Sequence[str], *, gateway: Gateway | None = None) -> Iterator[SyncProgress]:
    """Mirror these payments, a hundred per call. Yields after each call. Raises `GatewayError`."""
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
    """Mirror the payments whose final status was set in [start, end]. Yields after each page; raises `GatewayError`."""
    gateway = gateway or get_gateway()
    for page in gateway.payments_between(start, end, status=status):
        yield replace(_mirror_all(page.payments), upto=page.window_start)


def _mirror_all(shown: Sequence[GatewayPayment]) -> SyncProgress:
    """Mirror the payments of one call; unchanged ones cost no write."""
    known = Payment.objects.in_bulk([payment.imp_uid for payment in shown], field_name="imp_uid")
    fresh = [payment for payment in shown if payment.imp_uid not in known]
    plain = [payment for payment in fresh if not payment.cancel_amount and not payment.cancel_history]
    Payment.objects.bulk_create([new_payment(payment) for payment in plain], ignore_conflicts=True)
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
    """Return whether this reading would change the row or its refunds."""
    if shown.cancel_amount != payment.shown_cancel_amount:
        return True
    before = [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]
    apply_reading(payment, shown)
    return before != [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]
