"""Steer PostgreSQL away from slow plans: forbid kinds of plans, or set lower costs, for some queries."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.db import connection, transaction

# Its default costs are those of a rotating disk: for a tenth of a large table it would read all of it. And it would
# compile a query that takes less time than that.
_MANY_LOOKUPS = "SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off; SET LOCAL work_mem = '16MB'"


@contextmanager
def plans_without(*kinds: str) -> Iterator[None]:
    """Forbid PostgreSQL these kinds of plans inside. It expects matches to be near, and would read whole tables."""
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


@contextmanager
def many_lookups() -> Iterator[None]:
    """Look up many rows by their keys inside, and up to the end of the transaction; it begins one if there is none."""
    if connection.vendor != "postgresql":
        yield
        return
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_MANY_LOOKUPS)
        yield
