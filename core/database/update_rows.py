"""Write other values into each of many rows by one statement: Django's `bulk_update` takes ten times as long."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import Model


def update_rows(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of rows of one model. At most some hundred: a statement has a limit of values."""
    if not rows:
        return
    meta = rows[0]._meta
    columns = [meta.pk, *map(meta.get_field, fields)]
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in columns]
    quote = connection.ops.quote_name
    new = [f"CAST(new.column{n} AS {field.cast_db_type(connection)})" for n, field in enumerate(columns, start=1)]
    if connection.vendor == "sqlite":  # a column has its type from what is written, and CAST would change it
        new = [f"new.column{n}" for n in range(1, len(columns) + 1)]
    changes = ", ".join(f"{quote(field.column)} = {value}" for field, value in zip(columns[1:], new[1:], strict=True))
    one = f"({', '.join(['%s'] * len(columns))})"
    table, key = quote(meta.db_table), quote(meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {changes} FROM (VALUES {', '.join([one] * len(rows))}) AS new"  # noqa: S608 (our names)
            f" WHERE {table}.{key} = {new[0]}",
            values,
        )
