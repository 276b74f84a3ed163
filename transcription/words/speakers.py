"""Names the voices of a file. A name holds for the whole recording: on the pages, in exports and in the API."""

from django.db import transaction
from django.db.models import F

from transcription import events
from transcription.models import Participant, Recording, SpeakerName, Transcription, Utterance


class NotHeard(Exception):
    """The recording has no line with this label, or it is a live recording, whose speaker is known."""


@transaction.atomic
def name_speaker(recording: Recording, label: str, name: str) -> None:
    """Name the voice with the vendor's `label`. `name` was checked (names.py); "" removes the name.

    If exactly one of the meeting's participants has this name, the voice is tied to them: it follows their name when
    that changes. Raises NotHeard.
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
    # Pages fetch recordings with a newer version. The transcription is done, so nothing else changes its version.
    rows = Transcription.objects.current().filter(recording=recording)
    rows.update(version=F("version") + 1)
    events.publish_recording(rows.get())
