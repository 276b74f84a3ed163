# Require a name, now that 0004 has given everybody one.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transcription', '0004_names_of_people'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='participant',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='participant_has_a_name'),
        ),
    ]
