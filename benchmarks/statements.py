"""Databases of one PostgreSQL server, and how many statements each has executed."""

from types import TracebackType
from typing import Any, Self

import psycopg2

# Neither project's, so that our own queries are not counted.
OBSERVER = "template1"
# Checks of foreign keys are the server's own: nobody sends them.
COUNT = """SELECT coalesce(sum(calls) FILTER (WHERE NOT control), 0), coalesce(sum(calls) FILTER (WHERE control), 0)
FROM (SELECT calls, query ~* '^(begin|commit|rollback)' AS control
      FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
      WHERE datname = %s AND query !~ '^SELECT [^ ]+ FROM ONLY ') AS executed"""


def create_database(url: str, name: str) -> str:
    """Create a database beside the one of `url`; return its URL."""
    with _connected(url).cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return _beside(url, name)


class StatementCounter:
    """Read pg_stat_statements; the server has it loaded. `url` is that of any of its databases."""

    def __init__(self, url: str) -> None:
        self._connection = _connected(_beside(url, OBSERVER))
        with self._connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def count(self, database: str) -> tuple[int, int]:
        """Return how many statements the database has executed, and how often BEGIN, COMMIT and ROLLBACK."""
        with self._connection.cursor() as cursor:
            cursor.execute(COUNT, [database])
            statements, control = cursor.fetchone()
        return int(statements), int(control)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def _connected(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def _beside(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"
