from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0010_lead")]

    # NULL without a default: the version before writes rows without these columns while both run.
    operations = [
        migrations.AddField(
            model_name="transcription",
            name="progress_ms",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="transcription",
            name="progress_speed",
            field=models.FloatField(blank=True, editable=False, null=True),
        ),
    ]
