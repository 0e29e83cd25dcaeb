"""The schedule of Celery beat, in Seoul time."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

# A message that no worker took in time expires: the next one does its work.
_EVERY_MINUTE: dict[str, Any] = {"schedule": timedelta(minutes=1), "options": {"expires": 50}}
_AT_NIGHT: dict[str, Any] = {"schedule": crontab(hour="4", minute="30")}

SCHEDULE: dict[str, Any] = {
    "sweep": {"task": "refunds.tasks.sweep", **_EVERY_MINUTE},
    "deliveries": {"task": "webhooks.tasks.deliver", **_EVERY_MINUTE},
    "retention": {"task": "refunds.tasks.prune", **_AT_NIGHT},
}
