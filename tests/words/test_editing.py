"""An edit and a retry at once: an edit is kept or refused, and never written to a replaced transcription."""

import pytest
from django.db import transaction

from tests.rows import a_row
from tests.stt import a_meeting
from tests.transactions import start_beside
from transcription.lifecycle import workflow
from transcription.models import Revision, Transcription, Utterance
from transcription.people.seats import Seat
from transcription.words.editing import EditConflict, edit

pytestmark = pytest.mark.django_db(transaction=True)


def a_line() -> tuple[Utterance, Seat]:
    """Return a line of a failed transcription as its editor has read it, and the editor's seat."""
    meeting = a_meeting()
    row = a_row(meeting, status="failed", version=4, texts=[(0, 1, "", "Helo.")])
    line = Utterance.objects.select_related("transcription__recording").get(transcription=row)
    return line, Seat(meeting, meeting.participants.get())


def test_a_line_whose_recording_was_retried_meanwhile_is_not_written() -> None:
    line, seat = a_line()
    assert workflow.retry(line.transcription.recording) is not None

    with pytest.raises(EditConflict):
        edit(line, seat, 1, "Hello.")

    assert (Utterance.objects.get().text, Revision.objects.count()) == ("Helo.", 0)
    assert list(Transcription.objects.order_by("pk").values_list("version", flat=True)) == [4, 5]


def test_a_retry_after_an_edit_is_newer_than_it_for_every_page() -> None:
    line, seat = a_line()
    edited = edit(line, seat, 1, "Hello.").transcription.version

    again = workflow.retry(line.transcription.recording)

    assert again is not None
    assert again.version > edited
    assert Revision.objects.get().text == "Hello."


def test_a_retry_at_the_same_moment_as_an_edit_waits_and_is_newer() -> None:
    line, seat = a_line()
    recording = line.transcription.recording

    with transaction.atomic():
        edited = edit(line, seat, 1, "Hello.").transcription.version
        retry = start_beside(lambda: workflow.retry(recording))
    retry.join()

    assert Transcription.objects.get(is_current=True).version > edited  # a page keeps what is newest
    assert (Utterance.objects.get().text, Revision.objects.count()) == ("Hello.", 1)


def test_an_edit_at_the_same_moment_as_a_retry_waits_and_is_not_written() -> None:
    line, seat = a_line()
    conflicts: list[EditConflict] = []

    def write() -> None:
        try:
            edit(line, seat, 1, "Hello.")
        except EditConflict as conflict:
            conflicts.append(conflict)

    with transaction.atomic():
        assert workflow.retry(line.transcription.recording) is not None
        editor = start_beside(write)
    editor.join()

    assert len(conflicts) == 1
    assert (Utterance.objects.get().text, Revision.objects.count()) == ("Helo.", 0)
