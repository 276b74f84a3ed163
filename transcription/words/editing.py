"""Changing the text of a line: who may, what is kept, and what happens when two do it at once."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from transcription import events
from transcription.models import Recording, Revision, Transcription, Utterance
from transcription.people.seats import Seat

LONGEST_TEXT = 10_000  # characters


class Conflict(Exception):
    """The line is not any more what the editor saw. Nothing was written."""


def may_edit(seat: Seat, recording: Recording) -> bool:
    """The owner of the meeting, and who spoke (or handed in the file)."""
    return seat.is_owner or recording.participant_id == seat.participant.pk


@transaction.atomic
def edit(utterance: Utterance, seat: Seat, version: int, text: str) -> Utterance:
    """Gives a line another text, if it is still at `version`, and tells its meeting. The vendor's own words, given
    again, make it unedited. The same text changes nothing.

    `utterance` was fetched with its transcription. Raises Conflict.
    """
    if utterance.version != version:
        raise Conflict
    if utterance.text == text:
        return utterance
    # Of one and the same version: the UPDATE below takes place only if it still is. No join: Django would put the
    # version into a subquery, and PostgreSQL looks only at the row itself once more when another edit was faster.
    vendors = utterance.text if utterance.original is None else utterance.original
    original = None if text == vendors else vendors
    current = Transcription.objects.current().filter(pk=OuterRef("transcription"))
    written = Utterance.objects.filter(Exists(current), pk=utterance.pk, version=version).update(
        text=text, original=original, version=F("version") + 1
    )
    if not written:
        raise Conflict
    Revision.objects.create(utterance=utterance, version=version + 1, text=text, author=seat.participant)
    # The recording is another for everybody who shows it: pages fetch what is newer than theirs.
    Transcription.objects.filter(pk=utterance.transcription_id).update(version=F("version") + 1)
    utterance.refresh_from_db()
    utterance.transcription.refresh_from_db()
    events.publish_recording(utterance.transcription)
    return utterance
