"""Background work. Every task may be lost, repeated or run beside itself: the services it calls take care of that."""

from celery import shared_task

from monitoring.models import beat
from payments.intake.inbox import process_waiting
from refunds import retention
from refunds.metrics import SWEEP
from refunds.reconciliation.reconcile import due_payments, reconcile


@shared_task
def sweep() -> None:
    """Every minute: settle the refunds that are due for a look, then read what was notified and forgotten.

    In this order: anyone can notify, and a flood of made-up numbers must not keep money waiting.
    """
    for _settled in reconcile(payments=due_payments()):
        pass
    process_waiting(only_due=True)
    beat(SWEEP)


@shared_task
def prune() -> None:
    """Every night: forget what was kept long enough."""
    for _name, _count in retention.prune():
        pass
