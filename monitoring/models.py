"""When the background processes were last seen."""

from datetime import datetime

from django.db import models
from django.utils import timezone


class Heartbeat(models.Model):
    """The last time that periodic work of this name was done."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # nothing that staff could be allowed

    def __str__(self) -> str:
        return self.name


def beat(name: str) -> None:
    """Note that the work of this name was done just now."""
    Heartbeat.objects.update_or_create(pk=name, defaults={"seen_at": timezone.now()})


def last_seen(name: str) -> datetime | None:
    """Return when `beat` was last called with this name; None if it never was."""
    return Heartbeat.objects.filter(pk=name).values_list("seen_at", flat=True).first()
