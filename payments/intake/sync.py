"""Mirror payments by number or by date, many per call. One that cannot be stored stops no other."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

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
    missing: tuple[str, ...] = ()  # requested by number, not shown by i'mport
    unbookable: tuple[str, ...] = ()  # beyond our columns or against a rule of ours, so they were left as they were
    upto: datetime | None = None  # everything before this is mirrored: where to resume


def sync_by_id(imp_uids: Sequence[str], *, gateway: Gateway | None = None) -> Iterator[SyncProgress]:
    """Mirror these payments, a hundred per call. Yields after each call. Raises `GatewayError`."""
    gateway = gateway or get_gateway()
    wanted = list(dict.fromkeys(imp_uids))
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        shown = gateway.payments(chunk)
        missing = tuple(sorted(set(chunk) - {payment.imp_uid for payment in shown}))
        yield replace(mirror_all(shown), missing=missing)


def sync_by_date(
    start: datetime, end: datetime, *, status: StatusFilter = "all", gateway: Gateway | None = None
) -> Iterator[SyncProgress]:
    """Mirror the payments whose final status was set in [start, end]. Yields after each page; raises `GatewayError`."""
    gateway = gateway or get_gateway()
    for page in gateway.payments_between(start, end, status=status):
        step = mirror_all(page.payments)
        unbookable = tuple(sorted({*step.unbookable, *page.unreadable}))
        read = step.read + len(page.unreadable)
        yield replace(step, read=read, unbookable=unbookable, upto=page.window_start)


def mirror_all(shown: Sequence[GatewayPayment]) -> SyncProgress:
    """Mirror the payments of one call; unchanged ones cost no write."""
    known = Payment.objects.in_bulk([payment.imp_uid for payment in shown], field_name="imp_uid")
    fresh = [payment for payment in shown if payment.imp_uid not in known]
    changed = [payment for payment in shown if payment.imp_uid in known and _differs(known[payment.imp_uid], payment)]
    stored = _store_together([one for one in fresh if not one.cancel_amount and not one.cancel_history])
    unbookable = set()
    for payment in (*(one for one in fresh if one.imp_uid not in stored), *changed):
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


def _store_together(plain: Sequence[GatewayPayment]) -> set[str]:
    """Store new payments without cancels in one statement. Return the numbers of those that are stored now.

    If the database refuses one, none is stored, and the caller stores them one by one. SQLite does not refuse: it
    skips the one.
    """
    if not plain:
        return set()
    with suppress(CannotBeBooked), one_of_many(f"{len(plain)} new payments together"), transaction.atomic():
        Payment.objects.bulk_create([new_payment(payment) for payment in plain], ignore_conflicts=True)
    numbers = [payment.imp_uid for payment in plain]
    return set(Payment.objects.filter(imp_uid__in=numbers).values_list("imp_uid", flat=True))


def _differs(payment: Payment, shown: GatewayPayment) -> bool:
    """Return whether this reading would change the row or its refunds."""
    if shown.cancel_amount != payment.shown_cancel_amount:
        return True
    before = [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]
    apply_reading(payment, shown)
    return before != [getattr(payment, name) for name in (*MIRRORED_FIELDS, "status")]
