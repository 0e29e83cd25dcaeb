"""Decide which orders are refunded next: a runner claims each one, in a short transaction, before it begins.

Any number of runners, in any number of processes, can share a batch. A claim older than REFUND_LEASE_SECONDS belongs
to a runner that is gone, and the order is free again. Money does not depend on claims: the idempotency key of an order
keeps it from being refunded twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core import clock
from core.claims import silent_since
from refunds.batches.finish import NO_OUTCOME
from refunds.models import BatchStatus, RefundBatch, RefundBatchItem

# Each order waits for this (core.database.rows says why it is plain SQL).
_MAY_BEGIN = """
SELECT 1 FROM refunds_refundbatchitem item JOIN refunds_refundbatch batch ON batch.id = item.batch_id
WHERE item.id = %s AND item.attempts = %s AND item.refund_id IS NULL AND item.error_code = ''
AND batch.status = 'running'
"""


def open_batches() -> QuerySet[RefundBatch]:
    """Return the running batches, oldest first."""
    return RefundBatch.objects.filter(status=BatchStatus.RUNNING).order_by("pk")


def free_items(now: datetime | None = None) -> QuerySet[RefundBatchItem]:
    """Return the orders of running batches that have no outcome and no runner: first those not tried yet."""
    unclaimed = Q(claimed_at=None) | Q(claimed_at__lt=silent_since(now))
    free = RefundBatchItem.objects.filter(NO_OUTCOME, unclaimed, batch__status=BatchStatus.RUNNING)
    return free.order_by("attempts", "pk")


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


def may_begin(item: RefundBatchItem) -> bool:
    """Return whether a claimed order may be refunded now: its batch runs, and nobody has ended or tried it since."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_BEGIN, [item.pk, item.attempts])
        return cursor.fetchone() is not None


def give_back(items: Iterable[RefundBatchItem]) -> None:
    """Free claimed orders that were not begun. The time of an earlier claim stays: its runner may have begun."""
    earlier = defaultdict(list)
    for item in items:
        earlier[item.claimed_at].append(item.pk)
    for claimed_at, ids in earlier.items():
        RefundBatchItem.objects.filter(NO_OUTCOME, pk__in=ids).update(claimed_at=claimed_at)


def free_for_next_attempt(item: RefundBatchItem) -> None:
    """Free an order whose refund was certainly not sent; its next attempt has a key of its own."""
    mine = RefundBatchItem.objects.filter(NO_OUTCOME, pk=item.pk, attempts=item.attempts)
    mine.update(attempts=item.attempts + 1, claimed_at=None)


def show_life(batch_ids: Collection[int]) -> None:
    """Record that a runner works on these batches."""
    RefundBatch.objects.filter(pk__in=batch_ids).update(active_at=clock.database_now())
