from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0003_drift_reports"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(
                condition=models.Q(("needs_review", True)), fields=["requested_at"], name="refund_needs_review"
            ),
        ),
        migrations.AddIndex(
            model_name="refundrecord",
            index=models.Index(fields=["cancelled_at"], name="refund_done"),
        ),
    ]
