import datetime
from decimal import Decimal

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.conf import settings
from django.core.management import CommandError
from django.db import DatabaseError, migrations, models, transaction

HOW_TO_CREATE = (
    "The search needs PostgreSQL's extension pg_trgm, and this database user could not create it: %s\n"
    "Connect to this database as its owner or a superuser, run\n"
    "    CREATE EXTENSION pg_trgm;\n"
    "and migrate again. If the server does not have pg_trgm, install its contrib package first (postgresql-contrib)."
)


def create_pg_trgm(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as exc:
        raise CommandError(HOW_TO_CREATE % str(exc).strip()) from exc


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(create_pg_trgm, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("imp_uid", models.CharField(max_length=32, unique=True, verbose_name="payment number")),
                ("requested_at", models.DateTimeField(verbose_name="last notified at")),
                ("notified", models.PositiveIntegerField(default=1, verbose_name="notifications")),
                ("answered", models.PositiveIntegerField(default=0, verbose_name="notifications processed")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "unknown",
                    models.PositiveSmallIntegerField(default=0, verbose_name="attempts that did not find the payment"),
                ),
                ("next_attempt_at", models.DateTimeField(db_index=True, verbose_name="next attempt at")),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("imp_uid", ""), _negated=True), name="notification_imp_uid_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("answered__lte", models.F("notified"))),
                        name="notification_answered_after_notified",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MirrorMark",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("mirrored_until", models.DateTimeField(null=True, verbose_name="mirrored until")),
                ("claimed_at", models.DateTimeField(null=True, verbose_name="sign of life of the process")),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="mirror_mark_is_one_row"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("imp_uid", models.CharField(max_length=32, unique=True, verbose_name="payment number")),
                ("merchant_uid", models.CharField(max_length=40, verbose_name="order")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ready", "Waiting for payment"),
                            ("pending", "Pending"),
                            ("paid", "Paid"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Payment failed"),
                        ],
                        max_length=32,
                        verbose_name="status",
                    ),
                ),
                ("currency", models.CharField(default="KRW", max_length=3, verbose_name="currency")),
                ("amount", models.DecimalField(decimal_places=3, max_digits=16, verbose_name="paid")),
                (
                    "cancel_amount",
                    models.DecimalField(decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="refunded"),
                ),
                (
                    "lapsed_discount",
                    models.DecimalField(
                        db_default=Decimal("0"),
                        decimal_places=3,
                        default=Decimal("0"),
                        max_digits=16,
                        verbose_name="discount on the refunded part",
                    ),
                ),
                (
                    "taken_back",
                    models.DecimalField(
                        db_default=Decimal("0"),
                        decimal_places=3,
                        default=Decimal("0"),
                        editable=False,
                        max_digits=16,
                        verbose_name="taken back at i'mport",
                    ),
                ),
                ("taken_back_seen_at", models.DateTimeField(editable=False, null=True)),
                (
                    "tax_free",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="tax-free part"
                    ),
                ),
                (
                    "vat_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True, verbose_name="VAT part"
                    ),
                ),
                ("pay_method", models.CharField(blank=True, max_length=32, verbose_name="method")),
                ("pg_provider", models.CharField(blank=True, max_length=32, verbose_name="PG")),
                ("emb_pg_provider", models.CharField(blank=True, max_length=32, verbose_name="embedded PG")),
                ("pg_id", models.CharField(blank=True, max_length=80, verbose_name="PG store id")),
                ("pg_tid", models.CharField(blank=True, max_length=100, verbose_name="PG transaction")),
                ("escrow", models.BooleanField(default=False, verbose_name="escrow")),
                ("sandbox", models.BooleanField(db_default=False, default=False, verbose_name="test payment")),
                ("has_promotion", models.BooleanField(default=False, verbose_name="promotion")),
                ("promotion_id", models.CharField(blank=True, max_length=100, verbose_name="promotion number")),
                (
                    "promotion_discount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=16, verbose_name="promotion discount"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=255, verbose_name="goods")),
                ("buyer_name", models.CharField(blank=True, max_length=100, verbose_name="buyer")),
                ("buyer_email", models.CharField(blank=True, max_length=254, verbose_name="e-mail")),
                ("buyer_tel", models.CharField(blank=True, max_length=40, verbose_name="telephone")),
                ("paid_at", models.DateTimeField(blank=True, null=True, verbose_name="paid at")),
                ("cancelled_at", models.DateTimeField(blank=True, null=True, verbose_name="cancelled at")),
                ("failed_at", models.DateTimeField(blank=True, null=True, verbose_name="failed at")),
                ("fail_reason", models.CharField(blank=True, max_length=500, verbose_name="failure reason")),
                ("cancel_reason", models.CharField(blank=True, max_length=500, verbose_name="cancel reason")),
                ("receipt_url", models.CharField(blank=True, max_length=500, verbose_name="receipt")),
                ("vbank_code", models.CharField(blank=True, max_length=10, verbose_name="virtual account bank code")),
                ("vbank_name", models.CharField(blank=True, max_length=50, verbose_name="virtual account bank")),
                ("vbank_num", models.CharField(blank=True, max_length=50, verbose_name="virtual account")),
                ("vbank_holder", models.CharField(blank=True, max_length=100, verbose_name="virtual account holder")),
                ("vbank_date", models.DateTimeField(blank=True, null=True, verbose_name="virtual account valid until")),
                ("bank_code", models.CharField(blank=True, max_length=10, verbose_name="bank code")),
                ("bank_name", models.CharField(blank=True, max_length=50, verbose_name="bank")),
                ("card_code", models.CharField(blank=True, max_length=10, verbose_name="card code")),
                ("card_name", models.CharField(blank=True, max_length=50, verbose_name="card")),
                ("card_number", models.CharField(blank=True, max_length=40, verbose_name="card number (masked)")),
                (
                    "card_type",
                    models.PositiveSmallIntegerField(
                        blank=True, choices=[(0, "Credit"), (1, "Debit")], null=True, verbose_name="card type"
                    ),
                ),
                ("cash_receipt_issued", models.BooleanField(default=False, verbose_name="cash receipt issued")),
                ("order_key", models.TextField(blank=True, default="", editable=False)),
                ("search_key", models.TextField(blank=True, default="", editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="first seen")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="last change")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        help_text="The buyer account that can request a refund of this order on the storefront.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="payments",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="buyer's account",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
                "ordering": (
                    models.OrderBy(
                        django.db.models.functions.comparison.Coalesce("paid_at", "created_at"), descending=True
                    ),
                    "-id",
                ),
                "indexes": [
                    models.Index(
                        models.OrderBy(
                            django.db.models.functions.comparison.Coalesce("paid_at", "created_at"), descending=True
                        ),
                        models.OrderBy(models.F("id"), descending=True),
                        name="payment_by_time",
                    ),
                    models.Index(
                        models.F("status"),
                        models.OrderBy(
                            django.db.models.functions.comparison.Coalesce("paid_at", "created_at"), descending=True
                        ),
                        models.OrderBy(models.F("id"), descending=True),
                        name="payment_by_status",
                    ),
                    models.Index(
                        models.F("pay_method"),
                        models.OrderBy(
                            django.db.models.functions.comparison.Coalesce("paid_at", "created_at"), descending=True
                        ),
                        models.OrderBy(models.F("id"), descending=True),
                        name="payment_by_method",
                    ),
                    models.Index(
                        models.F("pg_provider"),
                        models.OrderBy(
                            django.db.models.functions.comparison.Coalesce("paid_at", "created_at"), descending=True
                        ),
                        models.OrderBy(models.F("id"), descending=True),
                        name="payment_by_pg",
                    ),
                    models.Index(fields=["paid_at", "sandbox", "status", "currency", "amount"], name="payment_paid"),
                    models.Index(
                        condition=models.Q(("taken_back_seen_at__isnull", False)),
                        fields=["taken_back_seen_at"],
                        name="payment_taken_back",
                    ),
                    models.Index(fields=["merchant_uid"], name="payment_by_order"),
                    models.Index(fields=["order_key"], name="payment_by_order_key", opclasses=["text_pattern_ops"]),
                    models.Index(fields=["amount"], name="payment_by_amount"),
                    models.Index(fields=["updated_at"], name="payment_by_change"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["search_key"], name="payment_search", opclasses=["gin_trgm_ops"]
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="payment_amount_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cancel_amount__gte", 0),
                            (
                                "cancel_amount__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("amount"), "+", models.F("promotion_discount")
                                ),
                            ),
                        ),
                        name="payment_cancel_amount_within_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lapsed_discount", 0),
                            models.Q(
                                ("lapsed_discount__gt", 0),
                                (
                                    "lapsed_discount__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("amount"), "-", models.F("cancel_amount")
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="payment_lapsed_discount_within_rest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("promotion_discount", 0),
                            models.Q(("has_promotion", True), ("promotion_discount__gt", 0)),
                            _connector="OR",
                        ),
                        name="payment_discount_of_a_promotion",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taken_back", 0), ("taken_back_seen_at", None)),
                            models.Q(
                                ("taken_back__gt", 0),
                                ("taken_back__lte", models.F("cancel_amount")),
                                ("taken_back_seen_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="payment_taken_back_within_refunded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("tax_free", None), ("tax_free__gte", 0), _connector="OR"),
                            models.Q(("vat_amount", None), ("vat_amount__gte", 0), _connector="OR"),
                        ),
                        name="payment_tax_parts_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status", ""), _negated=True), name="payment_status_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("imp_uid", ""), _negated=True), name="payment_imp_uid_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cancelled_at__lt", datetime.datetime(2100, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                            ("failed_at__lt", datetime.datetime(2100, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                            ("paid_at__lt", datetime.datetime(2100, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                            ("vbank_date__lt", datetime.datetime(2100, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                        ),
                        name="payment_times_possible",
                    ),
                ],
            },
        ),
    ]
