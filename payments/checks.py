"""The system check of the database's encoding."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections


@checks.register(checks.Tags.database)
def databases_are_unicode(*, databases: Sequence[str] | None = None, **_options: Any) -> list[checks.CheckMessage]:
    """Report a PostgreSQL database that counts bytes: Korean texts as long as their columns would be refused there.

    `manage.py migrate` and `check --database default` run it.
    """
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            encoding = cursor.fetchone()[0]
        if encoding != "UTF8":
            found.append(
                checks.Error(
                    f"The database {alias} has the encoding {encoding}. It must be UTF8.",
                    hint="Create it anew: createdb --encoding UTF8 --template template0 NAME",
                    id="payments.E001",
                )
            )
    return found
