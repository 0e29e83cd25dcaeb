"""The timeline of a batch."""

from typing import Any

from core import clock
from refunds.inputs import Actor
from refunds.models import RefundBatch, RefundBatchEvent


def add_batch_event(batch: RefundBatch, code: str, *, actor: Actor | None, **data: Any) -> None:
    """Append a line to the batch's timeline, in the transaction of the change. `actor` None: the batch itself."""
    name = actor.name[:200] if actor else ""
    RefundBatchEvent.objects.create(batch=batch, at=clock.database_now(), code=code, actor=name, data=data)
