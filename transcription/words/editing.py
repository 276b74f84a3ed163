"""Edits the text of a line: who may, what is kept, and what happens when two people edit it at once."""

from django.db import transaction
from django.db.models import F

from transcription import events
from transcription.models import Recording, Revision, Transcription, Utterance
from transcription.people.seats import Seat

LONGEST_TEXT = 10_000  # characters


class EditConflict(Exception):
    """The line has changed since the editor saw it. Nothing was written."""


def may_edit(seat: Seat, recording: Recording) -> bool:
    """Whether the seat may edit: it is the meeting owner's, or the one that the recording came from."""
    return seat.is_owner or recording.participant_id == seat.participant.pk


@transaction.atomic
def edit(utterance: Utterance, seat: Seat, version: int, text: str) -> Utterance:
    """Replace a line's text if the line is still at `version`, and publish the change. Return the line as it is then.

    The same text changes nothing. A line that gets the vendor's own words again counts as unedited. `utterance` must
    have been fetched with its transcription.

    Raises EditConflict.
    """
    if utterance.version != version:
        raise EditConflict
    if utterance.text == text:
        return utterance
    # `vendors` was read together with `version`, and the UPDATE writes only if the row still has that version. It
    # must have no join: Django would move the condition into a subquery, and PostgreSQL, after waiting for another
    # edit, checks the conditions on the row again but not the subquery.
    vendors = utterance.text if utterance.original is None else utterance.original
    original = None if text == vendors else vendors
    written = Utterance.objects.filter(pk=utterance.pk, version=version).update(
        text=text, original=original, version=F("version") + 1
    )
    if not written:
        raise EditConflict
    Revision.objects.create(utterance=utterance, version=version + 1, text=text, author=seat.participant)
    # The recording gets a new version too, because pages fetch a recording that is newer than theirs. The UPDATE
    # waits for a retry that replaces the transcription at the same moment, and then finds no current row.
    current = Transcription.objects.current().filter(pk=utterance.transcription_id)
    if not current.update(version=F("version") + 1):
        raise EditConflict
    utterance.refresh_from_db()
    utterance.transcription.refresh_from_db()
    events.publish_recording(utterance.transcription)
    return utterance
