"""The inbox of i'mport's notifications: each payment is stored, read by one process at a time, and retried.

A process takes a row by moving its `next_attempt_at` on. If it dies, the row is due again after that.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.queue import UNTIL_NEXT_RUN
from payments.gateway import Gateway, GatewayError, GatewayPayment, PaymentUnknown, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Notification

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
BACK_OFF = (UNTIL_NEXT_RUN, timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1))
SPACING = timedelta(seconds=2)  # between two readings of one payment, however often i'mport notifies
FLOOD = 20  # waiting payments beyond which no more tasks are enqueued: the sweep reads them, after the refunds
CHUNK = 100  # payments in one call
_FAILURES_THAT_MEAN_DOWN = 3


class TooManyWaiting(DomainError):
    """The inbox is full: a flood must not fill the database. i'mport notifies again."""

    code = "too_many_waiting"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("Too many notifications are waiting. Send this one again in a minute."))


@dataclass(frozen=True, slots=True)
class InboxRun:
    """The number of payments that were read, and of those that could not be and still wait; `message` says why.

    `is_down`: i'mport cannot be read at all at the moment.
    """

    read: int = 0
    failed: int = 0
    message: str = ""
    is_down: bool = False


def add_notification(*, imp_uid: str) -> datetime | None:
    """Commit that this payment is to be read. Return when to read it if a task has to be enqueued, else None.

    Notifications that come before the reading begins are answered by one reading. One that comes during a reading
    causes another. Raises `TooManyWaiting`.
    """
    rows = Notification.objects.filter(imp_uid=imp_uid)
    while not rows.not_begun().exists():  # a flood writes nothing, and sends no messages
        now = timezone.now()
        again = {"notified": F("notified") + 1, "requested_at": now}
        if rows.answered().update(**again):
            # Not due at once: a flood must not become as many readings.
            return rows.values_list("next_attempt_at", flat=True).first()
        soon = Least("next_attempt_at", now + BACK_OFF[0])
        if rows.filter(attempts__gt=0).update(**again, next_attempt_at=soon):
            return None  # it is being read, and is read again afterwards; or the sweep tries again
        if Notification.objects.count() >= MAX_WAITING:
            raise TooManyWaiting
        is_flood = Notification.objects.not_begun().count() >= FLOOD
        _row, is_new = Notification.objects.get_or_create(
            imp_uid=imp_uid, defaults={"requested_at": now, "next_attempt_at": now}
        )
        if is_new:
            return None if is_flood else now
    return None


def read_now(*, imp_uid: str, gateway: Gateway | None = None) -> datetime | None:
    """Read this payment if that is due. Return when to read it again, if it was notified meanwhile."""
    now = timezone.now()
    rows = Notification.objects.filter(imp_uid=imp_uid)
    if not _read(_take(rows.filter(next_attempt_at__lte=now), now), gateway or get_gateway(), spacing=SPACING).read:
        return None
    return rows.not_begun().values_list("next_attempt_at", flat=True).first()


def process_waiting(*, only_due: bool = False, seconds: float = math.inf, gateway: Gateway | None = None) -> InboxRun:
    """Read every notified payment; `only_due` leaves out those that are being read or backing off.

    Stops early while i'mport cannot be read, and begins no further hundred after `seconds`. Safe to run twice at
    once and beside notifications.
    """
    gateway = gateway or get_gateway()
    now, end = timezone.now(), time.monotonic() + seconds
    waiting = Notification.objects.filter(next_attempt_at__lte=now) if only_due else Notification.objects.all()
    pks = list(waiting.order_by("next_attempt_at").values_list("pk", flat=True))
    read, failed, message = 0, 0, ""
    for start in range(0, len(pks), CHUNK):
        if time.monotonic() > end:
            break
        chunk = _take(waiting.filter(pk__in=pks[start : start + CHUNK]), timezone.now())
        done = _read(chunk, gateway, spacing=timedelta(0))
        read, failed, message = read + done.read, failed + done.failed, done.message or message
        if done.is_down:
            return InboxRun(read, failed + len(pks[start + CHUNK :]), message, is_down=True)
    return InboxRun(read, failed, message)


def _take(candidates: QuerySet[Notification], now: datetime) -> list[Notification]:
    """Take these rows for one reading; no other process takes them before their back-off is over."""
    with transaction.atomic():
        rows = list(candidates.select_for_update(skip_locked=True))
        Notification.objects.filter(pk__in=[row.pk for row in rows]).answered().delete()
        taken = [row for row in rows if row.answered != row.notified]
        for row in taken:
            row.next_attempt_at = now + BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
            row.attempts += 1
        Notification.objects.bulk_update(taken, ["next_attempt_at", "attempts"])
    return taken


def _read(rows: Sequence[Notification], gateway: Gateway, *, spacing: timedelta) -> InboxRun:
    """Read the payments of the taken rows; rows that fail stay, with their back-off."""
    read, refused, message = 0, 0, ""
    try:
        shown = {found.imp_uid: found for found in _many(rows, gateway)}
    except GatewayError as exc:
        return _result(rows, read, exc.message, is_down=True)
    for row in rows:
        try:
            with one_of_many(row.imp_uid):
                _mirror(row, shown.get(row.imp_uid), gateway)
        except GatewayError as exc:
            refused, message = refused + 1, exc.message
            if refused == _FAILURES_THAT_MEAN_DOWN:
                break
        except CannotBeBooked:
            message = _("A payment could not be recorded. See the log.")
        else:
            read += 1
            _finish(row, spacing)
    return _result(rows, read, message, is_down=refused == _FAILURES_THAT_MEAN_DOWN)


def _result(rows: Sequence[Notification], read: int, message: str, *, is_down: bool) -> InboxRun:
    if message:
        logger.warning("%d of %d notified payments could not be read: %s", len(rows) - read, len(rows), message)
    return InboxRun(read, failed=len(rows) - read, message=message, is_down=is_down)


def _many(rows: Sequence[Notification], gateway: Gateway) -> list[GatewayPayment]:
    # A single payment is read by its own URL, where i'mport says whether it knows the payment.
    return gateway.payments([row.imp_uid for row in rows]) if len(rows) > 1 else []


def _mirror(row: Notification, shown: GatewayPayment | None, gateway: Gateway) -> None:
    """Mirror one payment. A number that i'mport does not know was invented, or is another shop's."""
    try:
        mirror_payment(shown or gateway.payment(row.imp_uid))
    except PaymentUnknown:
        logger.info("%s: notified, but unknown to i'mport", row.imp_uid)


def _finish(row: Notification, spacing: timedelta) -> None:
    """Store that the reading answers every notification that the row had when it was taken.

    With a `spacing` the row stays, and is not due before it is over. A later sweep deletes it, unless i'mport has
    notified again: then it is due again.
    """
    rows = Notification.objects.filter(pk=row.pk)
    if not spacing and rows.filter(notified=row.notified).delete()[0]:
        return
    # Not if another process has taken it since: then that reading is under way.
    rows.filter(attempts=row.attempts, answered__lt=row.notified).update(
        answered=row.notified, attempts=0, next_attempt_at=timezone.now() + spacing
    )
