"""Write to the database: one writer at a time, each write one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

# SQLite's own lock (BEGIN IMMEDIATE) makes writes safe; this one avoids its slow, unfair polling.
_writer = threading.RLock()


@contextmanager
def write() -> Iterator[None]:
    """Run the block as one transaction that starts with the write lock."""
    with _writer, transaction.atomic():
        yield
