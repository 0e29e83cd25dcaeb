"""End batches, and the orders of stopped ones."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone, translation

from core import clock
from core.claims import silent_since
from core.sentences import sentence as _
from refunds.batches.events import add_batch_event
from refunds.batches.outcomes import record_of
from refunds.models import STARTED, BatchStatus, RefundBatch, RefundBatchItem

CANCELLED = "batch_cancelled"
NO_OUTCOME = Q(refund=None, error_code="")
_UNFINISHED = Q(status__in=STARTED) | Q(status=BatchStatus.CANCELLED, finished_at=None)


def finish_batches() -> None:
    """Finish the batches whose orders all have an outcome; first give one to the orders of stopped batches.

    A stopped batch stays cancelled; a paused one with nothing left to do is done.
    """
    for batch in RefundBatch.objects.filter(status=BatchStatus.CANCELLED, finished_at=None):
        _settle_stopped(batch)
    still_open = RefundBatchItem.objects.filter(NO_OUTCOME, batch=OuterRef("pk"))
    for batch in RefundBatch.objects.filter(_UNFINISHED, ~Exists(still_open)):
        _finish(batch)


def stop_items(items: QuerySet[RefundBatchItem], batch: RefundBatch) -> int:
    """Say of those of these orders that have no outcome that the batch was stopped, and erase their accounts."""
    with translation.override(batch.language or settings.LANGUAGE_CODE):
        message = _("The bulk refund was stopped before this order's turn. Nothing was refunded.")
    return items.filter(NO_OUTCOME).update(
        error_code=CANCELLED, message=message, encrypted_account="", done_at=clock.database_clock()
    )


def _settle_stopped(batch: RefundBatch) -> None:
    """Settle the orders of a stopped batch that nobody refunds: given back, or their runner is gone."""
    silent = silent_since()
    for item in batch.items.filter(NO_OUTCOME, claimed_at__lt=silent):
        if record := record_of(batch, item):
            batch.items.filter(NO_OUTCOME, pk=item.pk).update(
                refund=record, encrypted_account="", done_at=clock.database_clock()
            )
    stop_items(batch.items.filter(Q(claimed_at=None) | Q(claimed_at__lt=silent)), batch)


def _finish(batch: RefundBatch) -> None:
    """Write the end of a batch, unless another process has moved it."""
    end = BatchStatus.CANCELLED if batch.status == BatchStatus.CANCELLED else BatchStatus.DONE
    with transaction.atomic():
        unmoved = RefundBatch.objects.filter(pk=batch.pk, status=batch.status, finished_at=None)
        if unmoved.update(status=end, pause_code="", finished_at=timezone.now()):
            add_batch_event(batch, "finished", actor=None)
