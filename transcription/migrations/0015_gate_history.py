from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0014_readable_and_follows")]

    # NULL and a default in the database: the version before writes rows without these columns while both run.
    operations = [
        migrations.AddField(
            model_name="gateevent",
            name="version",
            field=models.BigIntegerField(blank=True, editable=False, null=True, verbose_name="version"),
        ),
        migrations.AddField(
            model_name="gateevent",
            name="pool",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=60, verbose_name="pool"
            ),
        ),
        migrations.AddIndex(
            model_name="gateevent",
            index=models.Index(fields=["vendor", "-version"], name="gate_event_in_order"),
        ),
    ]
