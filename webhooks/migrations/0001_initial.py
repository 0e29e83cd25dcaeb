import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("refunds", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("given_up", "Given up")],
                        default="waiting",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failed attempts")),
                ("next_attempt_at", models.DateTimeField(verbose_name="next attempt")),
                ("taken_until", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
            ],
            options={
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
                "ordering": ("-id",),
                "permissions": (("send_delivery", "Can send events again"),),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="time")),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="HTTP status")),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("invalid_url", "Enter a web address such as https://shop.example/refunds."),
                            ("https_required", "The address must start with https://."),
                            (
                                "credentials_in_url",
                                "Remove the username and password from the address. The signature identifies the sender.",
                            ),
                            ("fragment_in_url", "Remove the part after #. It is never sent."),
                            ("host_is_a_number", "Enter the host as a name or as an address such as 198.51.100.7."),
                            ("port_not_allowed", "This port is not allowed. Use 443, 80, or a port from 1024."),
                            (
                                "address_not_public",
                                "This host is not on the public internet. The operator can allow its network in "
                                "WEBHOOK_ALLOWED_NETWORKS.",
                            ),
                            ("host_unknown", "Unknown host name. Check its spelling."),
                            ("not_reached", "Cannot connect. Check that the server is running."),
                            ("not_encrypted", "Cannot make an encrypted connection. Check the certificate."),
                            (
                                "too_slow",
                                "No answer in time. The endpoint should answer first and process the event afterwards.",
                            ),
                            ("broken_answer", "The connection was lost, or the answer was not HTTP."),
                            ("secret_unreadable", "The secret can no longer be decrypted. Create a new one."),
                        ],
                        max_length=20,
                        verbose_name="error",
                    ),
                ),
                ("milliseconds", models.PositiveIntegerField(blank=True, null=True, verbose_name="milliseconds")),
                ("answer", models.TextField(blank=True, verbose_name="response")),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempt_log",
                        to="webhooks.delivery",
                        verbose_name="delivery",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("enabled", models.BooleanField(default=True, verbose_name="switched on")),
                ("types", models.JSONField(blank=True, default=list, verbose_name="events")),
                ("disabled_by_410", models.BooleanField(default=False, verbose_name="switched off by a 410 answer")),
                ("secret", models.TextField(editable=False)),
                (
                    "secret_made_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="secret created at"
                    ),
                ),
                ("old_secret", models.TextField(blank=True, editable=False)),
                (
                    "old_secret_until",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="old secret valid until"),
                ),
                ("busy_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("paused_until", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="added at"),
                ),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "verbose_name_plural": "webhook endpoints",
                "ordering": ("name",),
                "default_permissions": ("add", "change", "view"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("secret", ""), _negated=True), name="endpoint_has_a_secret"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("old_secret", ""), ("old_secret_until", None)),
                            models.Q(
                                models.Q(("old_secret", ""), _negated=True),
                                models.Q(("old_secret_until", None), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="endpoint_old_secret_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("disabled_by_410", False), ("enabled", False), _connector="OR"),
                        name="endpoint_gone_is_off",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="webhooks.endpoint",
                verbose_name="webhook endpoint",
            ),
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("refund.succeeded", "Refunded"),
                            ("refund.failed", "Refund failed"),
                            ("refund.reversed", "Refund reversed"),
                            ("refund.requested", "Approval requested"),
                            ("refund.approved", "Approved"),
                            ("refund.rejected", "Rejected, expired or withdrawn"),
                            ("ping", "Test"),
                        ],
                        max_length=40,
                        verbose_name="event",
                    ),
                ),
                ("created_at", models.DateTimeField(db_index=True, verbose_name="happened at")),
                ("body", models.TextField(blank=True, verbose_name="content")),
                (
                    "refund",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundrecord",
                        verbose_name="refund",
                    ),
                ),
                (
                    "approval",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundapproval",
                        verbose_name="approval",
                    ),
                ),
                (
                    "reversal",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="refunds.refundreversal",
                        verbose_name="refund reversal",
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="webhooks.event",
                verbose_name="event",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("refund__isnull", False), ("reversal", None)),
                fields=("refund",),
                name="one_event_for_each_refund",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "refund.succeeded",
                            "refund.failed",
                            "refund.reversed",
                            "refund.requested",
                            "refund.approved",
                            "refund.rejected",
                            "ping",
                        ],
                    )
                ),
                name="event_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approval", None), ("refund", None), ("type", "ping")),
                    models.Q(
                        ("approval__isnull", False),
                        ("refund", None),
                        ("type__in", ("refund.requested", "refund.approved", "refund.rejected")),
                    ),
                    models.Q(
                        models.Q(
                            ("type__in", ["ping", "refund.requested", "refund.approved", "refund.rejected"]),
                            _negated=True,
                        ),
                        ("approval", None),
                        ("refund__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="event_is_about_a_refund",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("approval__isnull", False)),
                fields=("approval", "type"),
                name="one_event_for_each_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reversal__isnull", False), ("type", "refund.reversed")),
                    models.Q(models.Q(("type", "refund.reversed"), _negated=True), ("reversal", None)),
                    _connector="OR",
                ),
                name="event_of_a_reversal_names_it",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["endpoint", "next_attempt_at"], name="delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["status", "-id"], name="delivery_by_status"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("event", "endpoint"), name="one_delivery_per_event_and_endpoint"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["waiting", "delivered", "given_up"])), name="delivery_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("status", "waiting")),
                    models.Q(
                        models.Q(("status", "waiting"), _negated=True),
                        ("finished_at__isnull", False),
                        ("taken_until", None),
                    ),
                    _connector="OR",
                ),
                name="delivery_finished_unless_waiting",
            ),
        ),
    ]
