"""A batch pauses itself when all its next orders would meet the same fate, and says why in its timeline.

Too little settlement money at the PG, for example, refuses one order like the other.
"""

import logging
import time

from django.db import transaction
from django.db.models import Max, QuerySet

from refunds.batches.events import add_batch_event
from refunds.batches.words import GATEWAY_DOWN, REFUSED_IN_ROW
from refunds.errors import RefundOutcomeUnknown, RefundRefused
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem, RefundRecord

logger = logging.getLogger(__name__)

ROW = 10  # refusals of one class, or lost answers, without another outcome between them
# Seconds without a new order, each time that i'mport could not be reached. After the last of them the batch pauses.
RESTS = (1.0, 2.0, 4.0, 8.0)


def pause_if_refused_in_row(batch: RefundBatch, refused: RefundRecord) -> None:
    """Pause the batch if the latest `ROW` of its refunds were all refused for the reason of this one."""
    row = _latest(batch).values_list("refund__error_code", "refund__refusal_class")[:ROW]
    if list(row) == [(RefundRefused.code, refused.refusal_class)] * ROW:
        pause_itself(batch.pk, REFUSED_IN_ROW, refusal=refused.refusal_class, message=refused.message)


def pause_if_unknown_in_row(batch: RefundBatch, message: str) -> None:
    """Pause the batch if the latest `ROW` of its refunds got no answer: the next ones would be left open as well."""
    row = _latest(batch).values_list("error_code", flat=True)[:ROW]
    if list(row) == [RefundOutcomeUnknown.code] * ROW:
        pause_itself(batch.pk, GATEWAY_DOWN, message=message)


def _latest(batch: RefundBatch) -> QuerySet[RefundBatchItem]:
    """Return the orders with a refund since the batch was last resumed, the latest first: staff had seen the others."""
    resumed_at = batch.events.filter(code="resumed").aggregate(at=Max("at"))["at"]
    ended = batch.items.exclude(refund=None).filter(done_at__gt=resumed_at or batch.started_at)
    return ended.order_by("-done_at")


def pause_itself(batch_id: int, code: str, **data: str) -> None:
    """Pause a running batch; `data` goes to its timeline."""
    with transaction.atomic():
        running = RefundBatch.objects.filter(pk=batch_id, status=BatchStatus.RUNNING)
        if not running.update(status=BatchStatus.PAUSED, pause_code=code):
            return
        batch = RefundBatch.objects.get(pk=batch_id)
        add_batch_event(batch, "paused", actor=None, reason=code, **data)
    logger.warning("batch %s has paused itself: %s", batch.token, code)


class Outage:
    """Tell by the orders of one process whether i'mport can be reached. A moment without it pauses no batch."""

    def __init__(self) -> None:
        self._rests = 0
        self._until = 0.0

    @property
    def seconds_left(self) -> float:
        """Return the seconds for which no order may begin."""
        return max(0.0, self._until - time.monotonic())

    def note_reached(self) -> None:
        self._rests, self._until = 0, 0.0

    def note_not_sent(self) -> bool:
        """Begin the next rest, unless one has begun since this order did. Return whether it has lasted too long."""
        if self.seconds_left:
            return False
        if self._rests == len(RESTS):
            return True
        self._until = time.monotonic() + RESTS[self._rests]
        self._rests += 1
        return False
