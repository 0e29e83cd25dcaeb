from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0005_tokens_accounts_answers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="idempotentanswer",
            name="body",
            field=models.TextField(),
        ),
    ]
