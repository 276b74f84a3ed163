"""Lines can be edited.

This comes before the search index (0007): on SQLite the new fields recreate the table, which drops its triggers.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcription", "0005_people_have_names")]
    operations = [
        migrations.AddField(
            model_name='utterance',
            name='original',
            field=models.TextField(editable=False, null=True, verbose_name="vendor's words"),
        ),
        migrations.AddField(
            model_name='utterance',
            name='version',
            field=models.PositiveIntegerField(default=1, verbose_name='version'),
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('text', models.TextField(verbose_name='text')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='at')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='transcription.participant', verbose_name='by')),
                ('utterance', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='transcription.utterance')),
            ],
            options={
                'verbose_name': 'revision',
                'verbose_name_plural': 'revisions',
                'constraints': [models.UniqueConstraint(fields=('utterance', 'version'), name='revision_once_per_version')],
            },
        ),
    ]
