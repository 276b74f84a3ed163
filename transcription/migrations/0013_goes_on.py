from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0012_deleted_meetings")]

    operations = [
        migrations.AddField(
            model_name="recording",
            name="goes_on",
            # The version before writes rows without this column while both run.
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
