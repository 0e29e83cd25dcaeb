"""Keep history in the database itself: a final refund keeps its status and amount, a timeline line never changes."""

from django.db import migrations

# SQLite drops a table's triggers when a later migration rebuilds the table: such a migration must create them again.
# Deleting is not guarded here but by PROTECT and the models: test databases are emptied by DELETE.
POSTGRESQL = (
    """
    CREATE FUNCTION refunds_keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'refund % is %, which is final', OLD.number, OLD.status
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER refunds_keep_final BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN (OLD.status IN ('succeeded', 'failed') AND (
        OLD.status <> NEW.status OR OLD.amount <> NEW.amount OR OLD.payment_id <> NEW.payment_id
        OR OLD.cancelled_amount IS DISTINCT FROM NEW.cancelled_amount))
    EXECUTE FUNCTION refunds_keep_final()
    """,
    """
    CREATE FUNCTION refunds_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'refund events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER refunds_append_only BEFORE UPDATE ON refunds_refundevent FOR EACH ROW
    EXECUTE FUNCTION refunds_append_only()
    """,
)
POSTGRESQL_UNDO = (
    "DROP TRIGGER refunds_keep_final ON refunds_refundrecord",
    "DROP FUNCTION refunds_keep_final()",
    "DROP TRIGGER refunds_append_only ON refunds_refundevent",
    "DROP FUNCTION refunds_append_only()",
)
SQLITE = (
    """
    CREATE TRIGGER refunds_keep_final BEFORE UPDATE ON refunds_refundrecord FOR EACH ROW
    WHEN OLD.status IN ('succeeded', 'failed') AND (
        OLD.status <> NEW.status OR OLD.amount <> NEW.amount OR OLD.payment_id <> NEW.payment_id
        OR OLD.cancelled_amount IS NOT NEW.cancelled_amount)
    BEGIN SELECT RAISE(ABORT, 'a final refund keeps its status and amount'); END
    """,
    """
    CREATE TRIGGER refunds_append_only BEFORE UPDATE ON refunds_refundevent FOR EACH ROW
    BEGIN SELECT RAISE(ABORT, 'refund events are append-only'); END
    """,
)
SQLITE_UNDO = ("DROP TRIGGER refunds_keep_final", "DROP TRIGGER refunds_append_only")


def create_triggers(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop_triggers(apps, schema_editor):
    for statement in POSTGRESQL_UNDO if schema_editor.connection.vendor == "postgresql" else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("refunds", "0001_initial")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
