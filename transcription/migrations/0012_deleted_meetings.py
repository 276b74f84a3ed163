import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0011_progress")]

    # A table of its own: the version before does not know it, and deletes without a note.
    operations = [
        migrations.CreateModel(
            name="DeletedMeeting",
            fields=[
                ("meeting_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
    ]
