"""Forget events that nobody will ask about any more."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from webhooks.models import Delivery, DeliveryStatus, Event

_CHUNK = 1_000


def drop_old_events(now: datetime) -> int:
    """Delete the events all of whose deliveries ended more than WEBHOOK_KEEP_DAYS ago; returns how many.

    What has waited that long for an endpoint that is switched off goes too.
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
