"""A lookup for the beginning of a text that uses an index on PostgreSQL and on SQLite."""

from typing import Any

from django.db.models import CharField
from django.db.models.lookups import StartsWith


@CharField.register_lookup
class Prefix(StartsWith):
    """`field__prefix="abc"`: case-sensitive. A range on SQLite, whose LIKE uses no index."""

    lookup_name = "prefix"

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        return str(connection.operators["startswith"] % rhs)

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        start = str(self.rhs)
        return f"({column} >= %s AND {column} < %s)", (*params, start, *params, f"{start}\U0010ffff")
