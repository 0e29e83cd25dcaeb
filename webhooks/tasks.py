"""Background work on webhooks. A task may be lost, repeated or run twice at once: the service allows for that."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from core.queue import enqueue
from webhooks.delivery import service
from webhooks.models import Delivery

_SOON = timedelta(minutes=1)  # what is due later is left to the periodic task


@shared_task
def deliver_to(endpoint_id: int) -> None:
    """Send an endpoint what is due, and come back for the rest or the next retry if that is soon."""
    sent = service.deliver_to(endpoint_id)
    if sent == service.Sent() or sent.is_down:
        return
    due_at = Delivery.objects.filter(endpoint=endpoint_id).next_due_at()
    if due_at is not None and due_at <= timezone.now() + _SOON:
        enqueue(deliver_to, endpoint_id, at=due_at)


@shared_task
def deliver() -> None:
    """Every minute: send the deliveries that are due, each endpoint in a task of its own."""
    for endpoint_id in service.endpoints_due():
        enqueue(deliver_to, endpoint_id)
