"""The schedule of Celery beat, in Seoul time."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

# A message that no worker took in time expires: the next one does its work.
_EVERY_MINUTE: dict[str, Any] = {"schedule": timedelta(minutes=1), "options": {"expires": 50}}


def schedule(*, mirror_every: float) -> dict[str, Any]:
    """Return the periodic tasks; payments are copied from i'mport every `mirror_every` seconds."""
    often = {"schedule": timedelta(seconds=mirror_every), "options": {"expires": mirror_every}}
    return {
        "sweep": {"task": "refunds.tasks.sweep", **_EVERY_MINUTE},
        "mirror": {"task": "payments.intake.tasks.mirror", **often},
        "deliveries": {"task": "webhooks.tasks.deliver", **_EVERY_MINUTE},
        "cancels": {"task": "refunds.tasks.find_cancels", "schedule": crontab(hour="4", minute="0")},
        "retention": {"task": "refunds.tasks.prune", "schedule": crontab(hour="4", minute="30")},
    }
