"""Expired data of webhooks."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from core.retention import register_job
from webhooks.models import Delivery, DeliveryStatus, Event

_CHUNK = 1_000


def drop_old_events(now: datetime) -> int:
    """Delete the events whose deliveries all ended more than WEBHOOK_KEEP_DAYS ago. Return how many.

    Deletes those as well that have waited that long for an endpoint that is switched off.
    """
    limit = now - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    wanted = Delivery.objects.filter(
        Q(status=DeliveryStatus.WAITING, endpoint__enabled=True) | Q(finished_at__gt=limit)
    )
    old = Event.objects.filter(created_at__lte=limit).exclude(pk__in=wanted.values("event"))
    dropped = 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:_CHUNK]):
        Event.objects.filter(pk__in=pks).delete()
        dropped += len(pks)
    return dropped


register_job("events", drop_old_events)
