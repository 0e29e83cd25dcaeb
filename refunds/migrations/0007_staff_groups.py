"""Changes no table: the ready-made groups for staff (`refunds.groups`) are made when this one has been applied.

They need permissions, which Django makes only after all migrations.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("refunds", "0006_answers_as_text")]

    operations = []
