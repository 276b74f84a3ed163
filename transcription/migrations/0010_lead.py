from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0009_names_of_voices")]

    operations = [
        migrations.AddField(
            model_name="transcription",
            name="lead_ms",
            # The version before writes rows without this column while both run.
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
