"""Heartbeats of the background work."""

from datetime import datetime

from django.db import models
from django.utils import timezone


class Heartbeat(models.Model):
    """The time at which the periodic work of this name last ran."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # staff need no permission on it

    def __str__(self) -> str:
        return self.name


def beat(name: str) -> None:
    """Record that the work of this name has just run."""
    Heartbeat.objects.update_or_create(pk=name, defaults={"seen_at": timezone.now()})


def last_seen(name: str) -> datetime | None:
    """Return the time of the last `beat` with this name, or None."""
    return Heartbeat.objects.filter(pk=name).values_list("seen_at", flat=True).first()
