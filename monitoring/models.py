"""What monitoring remembers between two looks at it, and shares between processes."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone


class Memory(models.Model):
    """Something remembered under a name. It is made of the other tables: without it, it is only counted anew."""

    name = models.CharField(max_length=40, primary_key=True)
    version = models.PositiveBigIntegerField(default=0)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # nothing that staff could be allowed

    def __str__(self) -> str:
        return self.name


def recall(name: str) -> Memory:
    """What is remembered under this name; an unsaved memory of nothing if nothing is."""
    return Memory.objects.filter(pk=name).first() or Memory(name=name, at=timezone.now())


def remember(memory: Memory, data: dict[str, Any]) -> bool:
    """Put `data` in the place of what `recall` gave; False if somebody else has done that meanwhile."""
    now = timezone.now()
    if memory.version == 0:
        _kept, is_new = Memory.objects.get_or_create(pk=memory.name, defaults={"version": 1, "data": data, "at": now})
        return is_new
    unchanged = Memory.objects.filter(pk=memory.name, version=memory.version)
    return bool(unchanged.update(version=memory.version + 1, data=data, at=now))


def note_run(name: str, at: datetime) -> None:
    """Remember when some periodic work was last done."""
    Memory.objects.update_or_create(pk=name, defaults={"at": at})


def last_run(name: str) -> datetime | None:
    """When `note_run` was last called with this name."""
    return Memory.objects.filter(pk=name).values_list("at", flat=True).first()
