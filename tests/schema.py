"""Describe the database schema as sorted lines of text, to be compared with the stored ones in `tests/schemas/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection

# Applications whose migrations are ours.
OWN_APPS = ("access", "monitoring", "payments", "refunds", "webhooks")
POSTGRESQL_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2
"""
POSTGRESQL_TRIGGERS = (
    "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
)
POSTGRESQL_FUNCTIONS = """
    SELECT '', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') -- those of an extension
"""
SQLITE_TRIGGERS = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"


def describe() -> list[str]:
    """Return one line for each column, constraint, index and trigger of our own tables."""
    tables = sorted(
        model._meta.db_table
        for label in OWN_APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    )
    with connection.cursor() as cursor:
        return sorted({*_columns(cursor, tables), *_constraints(cursor, tables), *_triggers(cursor, tables)})


def _columns(cursor: Any, tables: list[str]) -> Iterator[str]:
    for table in tables:
        for column in connection.introspection.get_table_description(cursor, table):
            null = "null" if column.null_ok else "not null"
            kind = connection.introspection.get_field_type(column.type_code, column)
            size = column.display_size if connection.vendor == "postgresql" else column.internal_size
            yield f"{table}.{column.name}: {kind} {size} {column.precision} {column.scale} {null} {column.default}"


def _constraints(cursor: Any, tables: list[str]) -> Iterator[str]:
    for table in tables:
        for name, found in connection.introspection.get_constraints(cursor, table).items():
            if name.endswith("_not_null"):  # a name that only PostgreSQL 18 and newer give
                continue
            stable = re.sub(r"^(fk|__unnamed_constraint)_\d+(__)?$", r"\1", name)  # SQLite numbers them
            facts = {key: value for key, value in sorted(found.items()) if value not in (None, False, [])}
            yield f"{table} {stable}: {facts}"
    if connection.vendor == "postgresql":
        yield from _definitions(cursor, POSTGRESQL_CONSTRAINTS, tables)


def _triggers(cursor: Any, tables: list[str]) -> Iterator[str]:
    if connection.vendor == "postgresql":
        yield from _definitions(cursor, POSTGRESQL_TRIGGERS, tables)
        yield from _definitions(cursor, POSTGRESQL_FUNCTIONS, [""])
    else:
        yield from _definitions(cursor, SQLITE_TRIGGERS, tables)


def _definitions(cursor: Any, query: str, tables: list[str]) -> Iterator[str]:
    cursor.execute(query)
    for table, name, definition in cursor.fetchall():
        if table in tables:
            yield f"{table} {name}: {' '.join(definition.split())}"
