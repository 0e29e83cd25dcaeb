"""Read many rows in bounded memory, without a server-side cursor: pgbouncer does not take those."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def in_chunks(rows: QuerySet[M], size: int) -> Iterator[M]:
    """Yield the rows in their order, `size` at a time. Only their primary keys are read at once.

    A row that is added meanwhile is left out, and so is one that is deleted.
    """
    keys = list(rows.values_list("pk", flat=True))
    for start in range(0, len(keys), size):
        chunk = keys[start : start + size]
        found = {row.pk: row for row in rows.order_by().filter(pk__in=chunk)}
        yield from (found[key] for key in chunk if key in found)
