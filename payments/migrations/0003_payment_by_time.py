from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0002_wakeup"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(Coalesce("paid_at", "created_at").desc(), models.F("id").desc(), name="payment_by_time"),
        ),
    ]
