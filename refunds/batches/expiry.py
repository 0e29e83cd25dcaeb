"""Erase what people typed for batches: it is personal data, and of no use after a while."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from refunds.batches.control import cancel_batch
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


@transaction.atomic
def _stop(batch: RefundBatch) -> None:
    # Of a start and this, one waits for the other: a batch that was started just now goes on.
    if not RefundBatch.objects.select_for_update(no_key=True).filter(pk=batch.pk, status__in=NOT_STARTED).exists():
        return
    cancel_batch(batch=batch, actor=Actor(name=""))  # nobody: the batch itself
    batch.items.exclude(encrypted_row="").update(encrypted_row="")
