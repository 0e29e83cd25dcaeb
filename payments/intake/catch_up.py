"""Mirror what has changed at i'mport since the last run, so that no payment depends on its notification.

i'mport notifies once. A notification that meets a stopped server, or comes before the payment can be read, is lost.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from core.claims import Claim, ClaimLost, silent_since
from payments.gateway import Gateway
from payments.intake.sync import sync_by_date
from payments.models import MirrorMark

logger = logging.getLogger(__name__)

# Listed again in every run, and past now. It makes up for clocks that differ and for pages that shifted while read.
OVERLAP = timedelta(hours=1)
# Listed by the first run ever and by the first of each day: a PG can report a payment hours after its time.
LOOK_BACK = timedelta(days=3)
WINDOW = timedelta(days=1)  # i'mport allows 90; after days of downtime the mark moves on each time


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Count the payments read, and those that were new or changed. `unbookable` could not be stored."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unbookable: tuple[str, ...] = ()


def catch_up(*, gateway: Gateway | None = None) -> CaughtUp:
    """Mirror every payment whose last status was set since the last run. Unchanged ones cost no write.

    The mark moves on after each window, so a run that is interrupted resumes there. Does nothing while another
    process is at it. Raises `GatewayError` if i'mport cannot be read; the mark then stays.
    """
    row = MirrorMark.objects.filter(pk=MirrorMark.ONLY)
    MirrorMark.objects.bulk_create([MirrorMark()], ignore_conflicts=True)
    claim = Claim(row)
    if not claim.take(row.filter(Q(claimed_at=None) | Q(claimed_at__lt=silent_since()))):
        return CaughtUp()
    try:
        return _catch_up(claim, row.get().mirrored_until, gateway)
    except ClaimLost:
        logger.warning("this process was too slow: another one copies the payments of i'mport")
        return CaughtUp()
    finally:
        claim.release()


def _catch_up(claim: Claim, mark: datetime | None, gateway: Gateway | None) -> CaughtUp:
    read = created = updated = 0
    unbookable: dict[str, None] = {}
    now = timezone.now()
    for start, end in _windows(mark, now):
        for step in sync_by_date(start, end, gateway=gateway):
            read, created, updated = read + step.read, created + step.created, updated + step.updated
            unbookable |= dict.fromkeys(step.unbookable)
            if not claim.renew():
                raise ClaimLost
        if not claim.renew(mirrored_until=min(end, now)):
            raise ClaimLost
    if created or updated or unbookable:
        logger.info("%d payments copied, %d changed, %d could not be stored", created, updated, len(unbookable))
    return CaughtUp(read, created, updated, tuple(unbookable))


def _windows(mark: datetime | None, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the periods to list, oldest first.

    All but the last end in the past: a payment that changes while its pages are read leaves such a window, which
    the listing notices. In the last one it does not, so its new part is listed again by the runs of the next hour.
    """
    start = now - LOOK_BACK
    if mark is not None:
        start = min(mark, now) - OVERLAP
        if timezone.localdate(mark) < timezone.localdate(now):
            start = min(start, now - LOOK_BACK)
    settled = now - OVERLAP
    while settled - start > OVERLAP:
        end = min(start + WINDOW, settled)
        yield start, end
        start = end
    yield start, now + OVERLAP
