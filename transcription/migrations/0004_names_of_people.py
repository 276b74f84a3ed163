# Give the present participants the names of their accounts.

from django.db import migrations


def name_everybody(apps, schema_editor):
    Participant = apps.get_model('transcription', 'Participant')
    for participant in Participant.objects.filter(name='').select_related('user').iterator():
        user = participant.user
        full = f'{user.first_name} {user.last_name}'.strip()
        participant.name = (full or user.username)[:150]
        participant.save(update_fields=['name'])


class Migration(migrations.Migration):

    dependencies = [
        ('transcription', '0003_people'),
    ]

    operations = [
        migrations.RunPython(name_everybody, migrations.RunPython.noop),
    ]
