import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("transcription", "0016_pools")]

    # The version before writes rows without a turn, and claims rows that are in one: the dispatcher puts the former
    # into their turns as they come due, and takes the latter out (lifecycle/claims.py). So old rows need no change.
    operations = [
        migrations.CreateModel(
            name="Turn",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("pool", models.CharField(db_default="", default="", max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[("live", "Live"), ("file", "File"), ("large", "Large File")], max_length=5
                    ),
                ),
                ("waiting", models.BooleanField(default=False)),
                ("served_at", models.DateTimeField()),
                (
                    "meeting",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="turns",
                        to="transcription.meeting",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="transcription",
            name="turn",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="rows",
                to="transcription.turn",
            ),
        ),
        migrations.AddIndex(
            model_name="transcription",
            index=models.Index(
                condition=Q(next_action_at__isnull=False, turn__isnull=True),
                fields=["status", "next_action_at"],
                name="transcription_newly_due",
            ),
        ),
        migrations.AddIndex(
            model_name="transcription",
            index=models.Index(
                condition=Q(turn__isnull=False), fields=["turn", "id"], name="transcription_in_turn"
            ),
        ),
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(
                condition=Q(waiting=True),
                fields=["pool", "kind", "served_at", "id"],
                name="turn_next",
            ),
        ),
        migrations.AddConstraint(
            model_name="turn",
            constraint=models.UniqueConstraint(
                fields=["meeting", "pool", "kind"], name="turn_once_per_meeting_and_kind"
            ),
        ),
    ]
