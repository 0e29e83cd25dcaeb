from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

guard_history = import_module("refunds.migrations.0002_guard_history")


def restore_triggers(apps, schema_editor):
    """SQLite drops a table's triggers when a migration rebuilds it."""
    if schema_editor.connection.vendor == "sqlite":
        for statement in guard_history.SQLITE:
            schema_editor.execute(statement.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS"), params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
        ("payments", "0002_wakeup"),
        ("refunds", "0004_home_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("http_status", models.PositiveSmallIntegerField()),
                ("body", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "kept answer",
                "verbose_name_plural": "kept answers",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RefundAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.TextField(editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "refund account",
                "verbose_name_plural": "refund accounts",
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="refundrecord",
            options={
                "ordering": ("-requested_at", "-id"),
                "permissions": (
                    ("refund_payment", "Can refund payments"),
                    ("approve_refund", "Can make refunds above the approval limit"),
                    ("resolve_refund", "Can close refunds that need review"),
                    ("view_account", "Can see whole refund accounts"),
                ),
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
            },
        ),
        migrations.RemoveField(
            model_name="refundrecord",
            name="refund_holder",
        ),
        migrations.AddField(
            model_name="refundrecord",
            name="api_token",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="access.apitoken",
                verbose_name="API token",
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("api_token__isnull", False)),
                fields=["api_token", "requested_at"],
                name="refund_by_token",
            ),
        ),
        migrations.AddField(
            model_name="idempotentanswer",
            name="refund",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="kept_answer", to="refunds.refundrecord"
            ),
        ),
        migrations.AddField(
            model_name="refundaccount",
            name="refund",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="kept_account", to="refunds.refundrecord"
            ),
        ),
        migrations.RunPython(restore_triggers, restore_triggers),
    ]
