"""Background work. A task may be lost, repeated or run twice at once: the services that it calls allow for that."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from core import retention
from core.queue import enqueue
from monitoring.worker import note_worker
from payments.intake.inbox import process_waiting
from refunds.batches.outcomes import open_batches
from refunds.batches.run import run
from refunds.reconciliation.reconcile import due_payments, reconcile

INBOX_SECONDS = 40.0


@shared_task
def run_batch(batch_id: int) -> None:
    """Refund the orders of a batch, and leave the rest of a large one to the next run."""
    if run(batch_id=batch_id):
        enqueue(run_batch, batch_id)


@shared_task
def sweep() -> None:
    """Every minute: settle the refunds that are due for a comparison, then read the notified payments.

    In this order: anyone can send notifications, and a flood of invented numbers must not delay refunds.
    A batch whose message was lost, or whose worker is gone, gets a new message.
    """
    for batch in open_batches():
        enqueue(run_batch, batch.pk)
    for _settled in reconcile(payments=due_payments()):
        pass
    process_waiting(only_due=True, seconds=INBOX_SECONDS)
    note_worker()


@shared_task
def prune() -> None:
    """Every night: delete expired data of all applications."""
    for _name, _count in retention.prune():
        pass


@worker_ready.connect
def sweep_at_start(**_signal: Any) -> None:
    """Sweep what was left while no worker ran, without waiting for the schedule."""
    enqueue(sweep)
