from decimal import Decimal

import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0003_payment_by_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="lapsed_discount",
            field=models.DecimalField(
                db_default=Decimal("0"),
                decimal_places=2,
                default=Decimal("0"),
                max_digits=15,
                verbose_name="discount on what was refunded",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lapsed_discount__gte", 0),
                    (
                        "lapsed_discount__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("amount"), "-", models.F("cancel_amount")
                        ),
                    ),
                ),
                name="payment_lapsed_discount_within_rest",
            ),
        ),
    ]
