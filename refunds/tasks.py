"""Background work. Every task may be lost, repeated or run beside itself: the services it calls take care of that."""

import logging
from typing import Any

from celery import Task, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from monitoring.models import beat
from payments.intake.inbox import process_waiting
from refunds import retention
from refunds.batches.outcomes import open_batches
from refunds.batches.run import run
from refunds.metrics import SWEEP
from refunds.reconciliation.reconcile import due_payments, reconcile

logger = logging.getLogger(__name__)


def enqueue(task: "Task[Any, Any]", *arguments: int) -> None:
    """Send a worker a message. While the broker is down, the sweep or `manage.py reconcile` does the work."""
    try:
        task.apply_async(arguments, retry=False)
    except (OperationalError, OSError) as exc:
        logger.warning("%s%s could not be enqueued: %s", task.name, arguments, exc)


@shared_task
def run_batch(batch_id: int) -> None:
    """Refund the orders of a batch, and leave the rest of a large one to the next run."""
    if run(batch_id=batch_id):
        enqueue(run_batch, batch_id)


@shared_task
def sweep() -> None:
    """Every minute: settle the refunds that are due for a look, then read what was notified and forgotten.

    In this order: anyone can notify, and a flood of made-up numbers must not keep money waiting. A batch whose
    message was lost, or whose worker is gone, gets a message of its own.
    """
    for batch in open_batches(timezone.now()):
        enqueue(run_batch, batch.pk)
    for _settled in reconcile(payments=due_payments()):
        pass
    process_waiting(only_due=True)
    beat(SWEEP)


@shared_task
def prune() -> None:
    """Every night: forget what was kept long enough."""
    for _name, _count in retention.prune():
        pass
