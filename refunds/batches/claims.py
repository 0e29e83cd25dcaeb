"""Decide which orders are refunded next: a runner claims each one, in a short transaction, before it begins.

Any number of runners, in any number of processes, can share a batch. A claim older than REFUND_LEASE_SECONDS belongs
to a runner that is gone, and the order is free again. Money does not depend on claims: the idempotency key of an order
keeps it from being refunded twice.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from core.claims import silent_since
from refunds.batches.finish import NO_OUTCOME
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem


def open_batches() -> QuerySet[RefundBatch]:
    """Return the running batches, oldest first."""
    return RefundBatch.objects.filter(status=BatchStatus.RUNNING).order_by("pk")


def free_items(now: datetime | None = None) -> QuerySet[RefundBatchItem]:
    """Return the orders of running batches that have no outcome and no runner, oldest first."""
    unclaimed = Q(claimed_at=None) | Q(claimed_at__lt=silent_since(now))
    return RefundBatchItem.objects.filter(NO_OUTCOME, unclaimed, batch__status=BatchStatus.RUNNING).order_by("pk")


def claim(*, batch_id: int, count: int) -> list[RefundBatchItem]:
    """Claim up to `count` free orders of a batch and return them, each with its payment and its batch.

    `claimed_at` of a returned order is that of an earlier runner, if there was one.
    """
    now = clock.database_now()
    with transaction.atomic():
        free = free_items(now).filter(batch=batch_id).select_related("payment", "batch")
        # Orders that another runner is claiming now are skipped. SQLite locks the whole database instead.
        items = list(free.select_for_update(skip_locked=True, of=("self",), no_key=True)[:count])
        RefundBatchItem.objects.filter(pk__in=[item.pk for item in items]).update(claimed_at=now)
    return items


def give_back(items: Iterable[RefundBatchItem]) -> None:
    """Free claimed orders that were not begun."""
    RefundBatchItem.objects.filter(NO_OUTCOME, pk__in=[item.pk for item in items]).update(claimed_at=None)


def show_life(batch_ids: Sequence[int]) -> None:
    """Record that a runner works on these batches."""
    RefundBatch.objects.filter(pk__in=batch_ids).update(active_at=clock.database_now())
