"""Naming the voices of a file: once for the whole recording, on every page, in exports and in the API."""

from django.db import transaction
from django.db.models import F

from transcription import events
from transcription.models import Participant, Recording, SpeakerName, Transcription, Utterance


class NotHeard(Exception):
    """Nobody speaks under this label in the recording, or it is somebody's own microphone."""


@transaction.atomic
def name_speaker(recording: Recording, label: str, name: str) -> None:
    """Calls a voice `name`, which was checked (names.py); "" gives it back the vendor's number.

    The name of exactly one of the meeting's people ties the voice to them: it is called what they are called from
    then on. Raises NotHeard.
    """
    heard = Utterance.objects.filter(
        transcription__recording=recording, transcription__is_current=True, speaker=label
    )
    if recording.kind != Recording.Kind.UPLOAD or not heard.exists():
        raise NotHeard
    if name:
        people = list(Participant.objects.filter(meeting=recording.meeting_id, name=name)[:2])
        person = people[0] if len(people) == 1 else None
        SpeakerName.objects.update_or_create(
            recording=recording,
            label=label,
            defaults={"participant": person, "name": "" if person else name},
        )
    else:
        SpeakerName.objects.filter(recording=recording, label=label).delete()
    # It is done, so nothing else changes its version: pages fetch what has a newer one.
    rows = Transcription.objects.current().filter(recording=recording)
    rows.update(version=F("version") + 1)
    events.publish_recording(rows.get())
