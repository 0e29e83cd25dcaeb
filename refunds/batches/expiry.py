"""Erase what people typed for batches: it is personal data, and of no use after a while."""

from datetime import datetime, timedelta

from django.conf import settings

from refunds.batches.control import cancel_batch
from refunds.batches.errors import BatchStateError
from refunds.inputs import Actor
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem

NOT_STARTED = (BatchStatus.DRAFT, BatchStatus.CHECKED)


def drop_typed_rows(now: datetime) -> int:
    """Erase the typed rows of batches that ended REFUND_ACCOUNT_KEEP_DAYS ago or before. Return how many.

    A batch that was not started in that time is stopped, at the earliest after a day: its orders have accounts too.
    """
    days = settings.REFUND_ACCOUNT_KEEP_DAYS
    for batch in RefundBatch.objects.filter(status__in=NOT_STARTED, created_at__lte=now - timedelta(max(days, 1))):
        _stop(batch)
    ended = RefundBatch.objects.filter(finished_at__lte=now - timedelta(days))
    return RefundBatchItem.objects.filter(batch__in=ended).exclude(encrypted_row="").update(encrypted_row="")


def _stop(batch: RefundBatch) -> None:
    try:
        cancel_batch(batch=batch, actor=Actor(name=""))  # nobody: the batch itself
    except BatchStateError:
        return  # started just now
    batch.items.exclude(encrypted_row="").update(encrypted_row="")
