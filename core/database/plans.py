"""Kinds of query plans that PostgreSQL must not choose."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def plans_without(*kinds: str) -> Iterator[None]:
    """Keep PostgreSQL from kinds of plans: it takes a few of many rows for near, and reads whole tables for them."""
    if not kinds or connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        _enable("off", kinds)
        yield
        _enable("on", kinds)


def _enable(value: str, kinds: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL enable_{kind} = {value}" for kind in kinds))
