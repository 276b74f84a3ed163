"""The pool of a transcription. The version before does not write it, so it has a default."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0015_gate_history")]

    operations = [
        migrations.AddField(
            "transcription",
            "pool",
            models.CharField(blank=True, db_default="", default="", max_length=60, verbose_name="pool"),
        ),
    ]
