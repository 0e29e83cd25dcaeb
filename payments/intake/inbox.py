"""The inbox of i'mport's notifications: each payment is stored, read by one process at a time, and retried.

A process takes a row by moving its `next_attempt_at` on. If it dies, the row is due again after that. A payment that
i'mport does not show yet is tried again for about an hour. `catch_up` brings whatever the inbox misses.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.queue import UNTIL_NEXT_RUN
from payments.gateway import Gateway, GatewayError, GatewayPayment, get_gateway
from payments.intake.mirror import CannotBeBooked, mirror_payment, one_of_many
from payments.models import Notification

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
BACK_OFF = (UNTIL_NEXT_RUN, timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1))
# For a payment that i'mport does not show: a notification can come before the payment can be read.
WAITS_WHILE_UNKNOWN = (
    timedelta(seconds=5),
    *(UNTIL_NEXT_RUN, timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=40)),
)
SPACING = timedelta(seconds=2)  # between two readings of one payment, however often i'mport notifies
# Waiting payments, not begun or tried in vain, beyond which no more tasks are enqueued: the sweep reads a hundred in
# one call, after the refunds.
FLOOD = 20
CHUNK = 100  # payments in one call
SECONDS_PER_RUN = 40.0  # the next run reads the rest


class TooManyWaiting(DomainError):
    """The inbox is full: a flood must not fill the database. `catch_up` finds the payment anyway."""

    code = "too_many_waiting"
    retryable = True

    def __init__(self) -> None:
        super().__init__(_("Too many notifications are waiting. Send this one again in a minute."))


@dataclass(frozen=True, slots=True)
class InboxRun:
    """The number of payments that were read, and of those that could not be and still wait; `message` says why.

    `unknown` counts those that i'mport does not show (yet), and `is_down` says that it cannot be read at all.
    """

    read: int = 0
    failed: int = 0
    unknown: int = 0
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
        if rows.filter(attempts__gt=0).update(**again, unknown=0, next_attempt_at=soon):
            return None  # it is being read, and is read again afterwards; or the sweep tries again
        if Notification.objects.count() >= MAX_WAITING:
            _make_room()
        is_flood = Notification.objects.waiting().filter(Q(attempts=0) | Q(unknown__gt=0)).count() >= FLOOD
        _row, is_new = Notification.objects.get_or_create(
            imp_uid=imp_uid, defaults={"requested_at": now, "next_attempt_at": now}
        )
        if is_new:
            return None if is_flood else now
    return None


def read_now(*, imp_uid: str, gateway: Gateway | None = None) -> datetime | None:
    """Read this payment if that is due.

    Return when to read it again, if it was notified meanwhile, or if i'mport does not show it yet.
    """
    now = timezone.now()
    rows = Notification.objects.filter(imp_uid=imp_uid)
    done = _read(_take(rows.filter(next_attempt_at__lte=now), now), gateway or get_gateway(), spacing=SPACING)
    if done.read:
        rows = rows.not_begun()
    elif done.unknown:
        rows = rows.filter(next_attempt_at__lt=now + UNTIL_NEXT_RUN)  # later ones are left to the sweep
    else:
        return None
    return rows.values_list("next_attempt_at", flat=True).first()


def process_waiting(*, seconds: float = SECONDS_PER_RUN, gateway: Gateway | None = None) -> InboxRun:
    """Read the notified payments that are due, a hundred per call, and first those that i'mport may well show.

    Stops early while i'mport cannot be read, and begins no further hundred after `seconds`. Safe to run twice at
    once and beside notifications: each row is read by the run that takes it.
    """
    gateway = gateway or get_gateway()
    end = time.monotonic() + seconds
    due = Notification.objects.filter(next_attempt_at__lte=timezone.now())
    # Anyone can send invented numbers. The newest notifications come first, those tried in vain last.
    pks = list(due.order_by("unknown", "-requested_at").values_list("pk", flat=True))
    total = InboxRun()
    for start in range(0, len(pks), CHUNK):
        if time.monotonic() > end:
            break
        chunk = _take(due.filter(pk__in=pks[start : start + CHUNK]), timezone.now())
        done = _read(chunk, gateway, spacing=timedelta(0))
        total = InboxRun(
            read=total.read + done.read,
            failed=total.failed + done.failed,
            unknown=total.unknown + done.unknown,
            message=done.message or total.message,
            is_down=done.is_down,
        )
        if done.is_down:
            return replace(total, failed=total.failed + len(pks[start + CHUNK :]))
    return total


def _make_room() -> None:
    """Let go of the oldest hundred that i'mport does not show. Raises `TooManyWaiting` if there are none."""
    in_vain = Notification.objects.filter(unknown__gt=0).order_by("requested_at").values_list("pk", flat=True)
    if not Notification.objects.filter(pk__in=list(in_vain[:CHUNK])).delete()[0]:
        raise TooManyWaiting


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
    """Read the payments of the taken rows in one call; rows that fail stay, with their back-off."""
    if not rows:
        return InboxRun()
    try:
        shown = {found.imp_uid: found for found in gateway.payments([row.imp_uid for row in rows])}
    except GatewayError as exc:
        logger.warning("%d notified payments could not be read: %s", len(rows), exc.message)
        return InboxRun(failed=len(rows), message=exc.message, is_down=True)
    read = failed = unknown = 0
    for row in rows:
        found = shown.get(row.imp_uid)
        if found is None:
            unknown += 1
            _put_off(row)
        elif _is_mirrored(found):
            read += 1
            _finish(row, spacing)
        else:
            failed += 1
    message = _("A payment could not be recorded. See the log.") if failed else ""
    return InboxRun(read, failed, unknown, message)


def _is_mirrored(shown: GatewayPayment) -> bool:
    try:
        with one_of_many(shown.imp_uid):
            mirror_payment(shown)
    except CannotBeBooked:
        return False
    return True


def _put_off(row: Notification) -> None:
    """Try this one again later: i'mport does not show it yet, or it was invented. Let go of it after the last wait."""
    rows = Notification.objects.filter(pk=row.pk, attempts=row.attempts, notified=row.notified)
    if row.unknown == len(WAITS_WHILE_UNKNOWN):
        logger.info("%s: notified, but i'mport does not show it", row.imp_uid)
        rows.delete()
    else:
        at = timezone.now() + WAITS_WHILE_UNKNOWN[row.unknown]
        rows.update(unknown=row.unknown + 1, next_attempt_at=at)


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
        answered=row.notified, attempts=0, unknown=0, next_attempt_at=timezone.now() + spacing
    )
