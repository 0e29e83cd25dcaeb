"""Background work. A task may be lost, repeated or run beside itself: the services it calls take care of that."""

from celery import shared_task
from django.utils import timezone

from webhooks.delivery.service import deliver_due
from webhooks.retention import drop_old_events


@shared_task
def deliver() -> None:
    """Every minute: send the events that are due, and those whose process died."""
    deliver_due()


@shared_task
def prune() -> None:
    """Every night: forget old events."""
    drop_old_events(timezone.now())
