"""Heartbeats of the background work."""

from django.db import models


class Heartbeat(models.Model):
    """The time at which the periodic work of this name last ran."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # staff need no permission on it

    def __str__(self) -> str:
        return self.name
