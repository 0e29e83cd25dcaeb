"""Readings of i'mport that are owed: noted durably, taken by one process at a time, repeated until done.

A row is taken by moving its `next_attempt_at` on, so whoever dies with it leaves it to the next one.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import DomainError
from payments.gateway import Gateway, GatewayError, GatewayPayment, PaymentUnknown, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Notification

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1))
SPACING = timedelta(seconds=2)  # between two readings of one payment, however often i'mport notifies
CHUNK = 100  # read in one call
_FAILURES_THAT_MEAN_DOWN = 3


class TooManyWaiting(DomainError):
    """Noting another payment would let a flood fill the database; i'mport notifies again."""

    code = "too_many_waiting"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("Too many notifications are waiting. Send this one again in a minute."))


@dataclass(frozen=True, slots=True)
class InboxRun:
    """What became of the readings that were owed. `message` says why some of them `failed` and are still owed.

    `is_down`: i'mport cannot be read at all right now.
    """

    read: int = 0
    failed: int = 0
    message: str = ""
    is_down: bool = False


def add_notification(*, imp_uid: str) -> None:
    """Commit that this payment is to be read; asked twice before the reading, it is one reading.

    A reading that is already under way does not count: there is another one afterwards. Raises `TooManyWaiting`.
    """
    while not (_is_owed(imp_uid) or _notify_again(imp_uid)):
        if Notification.objects.count() >= MAX_WAITING:
            raise TooManyWaiting
        now = timezone.now()
        _noted, is_new = Notification.objects.get_or_create(
            imp_uid=imp_uid, defaults={"requested_at": now, "next_attempt_at": now}
        )
        if is_new:
            return


def _is_owed(imp_uid: str) -> bool:
    # Not begun (taking it counts an attempt), so it will come after this notification: a flood writes nothing.
    return Notification.objects.filter(imp_uid=imp_uid, attempts=0, answered__lt=F("notified")).exists()


def _notify_again(imp_uid: str) -> bool:
    # Not due at once: it may be taken just now, and a flood must not become as many readings.
    now = timezone.now()
    soon = Least("next_attempt_at", now + BACK_OFF[0])
    changes = {"notified": F("notified") + 1, "requested_at": now, "next_attempt_at": soon}
    return bool(Notification.objects.filter(imp_uid=imp_uid).update(**changes))


def read_due(*, imp_uids: Collection[str], gateway: Gateway | None = None) -> list[tuple[str, datetime]]:
    """Read those of these payments whose reading is due. Returns the ones to look at again, and when."""
    now = timezone.now()
    noted = Notification.objects.filter(imp_uid__in=imp_uids)
    _read(_take(noted.filter(next_attempt_at__lte=now), now), gateway or get_gateway(), spacing=SPACING)
    return list(noted.values_list("imp_uid", "next_attempt_at"))


def process_waiting(*, only_due: bool = False, gateway: Gateway | None = None) -> InboxRun:
    """Read every payment that a reading is owed of; `only_due` leaves out those that are taken or backing off.

    Stops early while i'mport cannot be read. Safe to run twice at once and beside notifications.
    """
    gateway = gateway or get_gateway()
    now = timezone.now()
    waiting = Notification.objects.filter(next_attempt_at__lte=now) if only_due else Notification.objects.all()
    pks = list(waiting.order_by("next_attempt_at").values_list("pk", flat=True))
    read, failed, message = 0, 0, ""
    for start in range(0, len(pks), CHUNK):
        chunk = _take(waiting.filter(pk__in=pks[start : start + CHUNK]), timezone.now())
        done = _read(chunk, gateway, spacing=timedelta(0))
        read, failed, message = read + done.read, failed + done.failed, done.message or message
        if done.is_down:
            return InboxRun(read, failed + len(pks[start + CHUNK :]), message, is_down=True)
    return InboxRun(read, failed, message)


def _take(candidates: QuerySet[Notification], now: datetime) -> list[Notification]:
    """Take these rows for one reading; nobody else takes them before their back-off is over."""
    with transaction.atomic():
        rows = list(candidates.select_for_update(skip_locked=True))
        answered = [row.pk for row in rows if row.answered == row.notified]
        Notification.objects.filter(pk__in=answered).delete()
        taken = [row for row in rows if row.answered != row.notified]
        for row in taken:
            row.next_attempt_at = now + BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
            row.attempts += 1
        Notification.objects.bulk_update(taken, ["next_attempt_at", "attempts"])
    return taken


def _read(rows: Sequence[Notification], gateway: Gateway, *, spacing: timedelta) -> InboxRun:
    """Read the payments of the taken rows; what fails stays noted, with its back-off."""
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
    # A single payment is read by its own address, where i'mport says whether it knows it.
    return gateway.payments([row.imp_uid for row in rows]) if len(rows) > 1 else []


def _mirror(row: Notification, shown: GatewayPayment | None, gateway: Gateway) -> None:
    """Mirror one payment. One that i'mport does not know was never there: junk, or another shop's."""
    try:
        mirror_payment(shown or gateway.payment(row.imp_uid))
    except PaymentUnknown:
        logger.info("%s: notified, but unknown to i'mport", row.imp_uid)


def _finish(row: Notification, spacing: timedelta) -> None:
    """Note that the reading came after every notification the row had when it was taken.

    The row goes when `spacing` is over, unless i'mport has notified again: then it is due again.
    """
    noted = Notification.objects.filter(pk=row.pk)
    if not spacing and noted.filter(notified=row.notified).delete()[0]:
        return
    # Not if somebody else has taken it since: then theirs is the reading under way.
    noted.filter(attempts=row.attempts, answered__lt=row.notified).update(
        answered=row.notified, attempts=0, next_attempt_at=timezone.now() + spacing
    )
