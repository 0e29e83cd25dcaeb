"""Delete expired data: every application registers what it deletes; one task and `manage.py prune` run the list."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

logger = logging.getLogger(__name__)

Job = Callable[[datetime], int]

_jobs: dict[str, Job] = {}


def register_job(name: str, job: Job) -> None:
    """Have `prune` call `job`, which returns how many rows it deleted and uses short transactions of its own."""
    _jobs[name] = job


def prune() -> Iterator[tuple[str, int | None]]:
    """Run every job. Yield its name and how much it deleted, or None if it failed, which stops no other job."""
    now = timezone.now()
    for name, job in _jobs.items():
        try:
            count = job(now)
        except DatabaseError:
            logger.exception("pruning %s failed", name)
            connection.close()  # it may be broken; the next job gets a new one
            yield name, None
        else:
            logger.info("pruned %s: %d", name, count)
            yield name, count
