"""Delete expired data every night, or with `manage.py prune`. `JOBS` lists each kind and its function."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from access.retention import forget_ended_sessions, forget_old_failures
from refunds.services.bank_accounts import drop_old_accounts
from refunds.services.idempotency import forget_old_keys

logger = logging.getLogger(__name__)

# A stable name, and a function that deletes in short transactions and returns how many.
JOBS: tuple[tuple[str, Callable[[datetime], int]], ...] = (
    ("refund_accounts", drop_old_accounts),
    ("idempotency_keys", forget_old_keys),
    ("sessions", forget_ended_sessions),
    ("failed_sign_ins", forget_old_failures),
)


def prune() -> Iterator[tuple[str, int | None]]:
    """Run every job; yield its name and how many it deleted, or None if it failed. A failure stops no other job."""
    now = timezone.now()
    for name, forget in JOBS:
        try:
            count = forget(now)
        except DatabaseError:
            logger.exception("pruning %s failed", name)
            connection.close()  # it may be broken; the next job gets a new one
            yield name, None
        else:
            logger.info("pruned %s: %d", name, count)
            yield name, count
