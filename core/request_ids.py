"""The request id: one for everything that one request, task or command does, in the log and in the ledger."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django_guid.context import guid

HEADER = "X-Request-ID"
# What a proxy such as nginx or a client's UUID looks like. django-guid alone would take any text that Python can make
# a UUID of, such as one with thousands of dashes in it.
_WELL_FORMED = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_well_formed(text: object) -> bool:
    """Whether this may be taken over from outside: a UUID with or without its dashes, and nothing else."""
    return isinstance(text, str) and _WELL_FORMED.fullmatch(text) is not None


def request_id() -> str:
    """The id of what this thread is doing; empty if it is doing nothing for anybody."""
    current = guid.get()
    return str(current) if is_well_formed(current) else ""


@contextmanager
def new_request_id() -> Iterator[str]:
    """Give the work inside an id of its own, such as a command's."""
    token = guid.set(uuid.uuid4().hex)
    try:
        yield request_id()
    finally:
        guid.reset(token)
