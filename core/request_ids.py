"""The request id: one per request, task or command, in the log and in the ledger."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django_guid.context import guid

HEADER = "X-Request-ID"
# The form of nginx's ids and of UUIDs. django-guid alone accepts any text that Python can parse as a UUID, such as one
# with thousands of dashes.
_WELL_FORMED = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_well_formed(text: object) -> bool:
    """Tell whether an id from outside may be used: only a UUID, with or without dashes."""
    return isinstance(text, str) and _WELL_FORMED.fullmatch(text) is not None


def request_id() -> str:
    """Return the id of the current request, task or command; empty outside of one."""
    current = guid.get()
    return str(current) if is_well_formed(current) else ""


@contextmanager
def new_request_id() -> Iterator[str]:
    """Give the work inside the context an id of its own."""
    token = guid.set(uuid.uuid4().hex)
    try:
        yield request_id()
    finally:
        guid.reset(token)
