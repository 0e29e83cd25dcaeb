"""Enqueue background tasks after the commit, without blocking or failing the caller."""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

# The pause until the next run of a task that runs every minute: a whole minute could end just after that run.
UNTIL_NEXT_RUN = timedelta(seconds=55)


def enqueue(task: "Task[Any, Any]", *arguments: str | int, at: datetime | None = None) -> None:
    """Send a worker a message once the current transaction is committed; `at` is the earliest time to run the task.

    A message only says that there is work: the work itself stands in our tables, and the periodic sweep finds it. So
    a broker that cannot take the message costs a log line and up to a minute, and the caller goes on.
    """
    transaction.on_commit(partial(_send, task, arguments, at), robust=True)


def _send(task: "Task[Any, Any]", arguments: tuple[str | int, ...], at: datetime | None) -> None:
    later: dict[str, Any] = {"eta": at} if at is not None and at > timezone.now() else {}
    try:
        task.apply_async(arguments, retry=False, **later)
    except Exception as exc:  # noqa: BLE001 - brokers' clients raise errors of many kinds
        logger.warning("%s%s could not be enqueued, so the next sweep does it: %r", task.name, arguments, exc)
