"""Pause, resume or stop a batch. Each takes effect at once: a runner asks for the batch's status before each order.

Refunds under way end by themselves, whatever the status of their batch is.
"""

from collections.abc import Collection

from django.db import transaction

from refunds.batches.errors import BatchStateError
from refunds.batches.events import add_batch_event
from refunds.batches.finish import finish_batches, stop_items
from refunds.inputs import Actor
from refunds.models import OPEN_STATUSES, BatchStatus, RefundBatch

BY_HAND = "by_hand"


def pause_batch(*, batch: RefundBatch, actor: Actor) -> None:
    """Begin no more orders of a running batch. Raises `BatchStateError`."""
    with transaction.atomic():
        _move(batch, (BatchStatus.RUNNING,), BatchStatus.PAUSED, pause_code=BY_HAND)
        add_batch_event(batch, "paused", actor=actor, reason=BY_HAND)


def resume_batch(*, batch: RefundBatch, actor: Actor) -> None:
    """Continue a paused batch; the caller wakes the workers. Raises `BatchStateError`."""
    with transaction.atomic():
        _move(batch, (BatchStatus.PAUSED,), BatchStatus.RUNNING)
        add_batch_event(batch, "resumed", actor=actor)


def cancel_batch(*, batch: RefundBatch, actor: Actor) -> None:
    """Stop a batch for good: erase the accounts of its waiting orders, and refund none of them.

    Orders that a runner has claimed are given back or refunded by it; those of a runner that is gone are settled when
    its claim is over. The batch has a `finished_at` when no order is open any more. Raises `BatchStateError`.
    """
    with transaction.atomic():
        _move(batch, OPEN_STATUSES, BatchStatus.CANCELLED)
        stopped = stop_items(batch.items.filter(claimed_at=None), batch)
        batch.items.filter(excluded=True).exclude(encrypted_account="").update(encrypted_account="")
        add_batch_event(batch, "cancelled", actor=actor, orders=stopped)
    finish_batches()
    batch.refresh_from_db()


def _move(batch: RefundBatch, old: Collection[BatchStatus], new: BatchStatus, *, pause_code: str = "") -> None:
    moved = RefundBatch.objects.filter(pk=batch.pk, status__in=old).update(status=new, pause_code=pause_code)
    batch.refresh_from_db()
    if not moved:
        raise BatchStateError(batch)
