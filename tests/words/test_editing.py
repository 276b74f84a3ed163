"""An edit and a retry at once: the corrected words are never lost, and never in an attempt that was replaced."""

import threading

import pytest
from django.db import connection

from tests.rows import a_row
from tests.stt import a_meeting
from tests.waiting import patient
from transcription.lifecycle import workflow
from transcription.models import Revision, Transcription, Utterance
from transcription.people.seats import Seat
from transcription.words.editing import EditConflict, edit

pytestmark = pytest.mark.django_db(transaction=True)


def a_line() -> tuple[Utterance, Seat]:
    """A line of an attempt that can be retried, as its editor has read it."""
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


@pytest.mark.parametrize("_round", range(10))  # of which PostgreSQL lets them meet in one or more
def test_of_an_edit_and_a_retry_at_the_same_moment_the_edit_comes_first_or_is_told(_round: int) -> None:
    line, seat = a_line()
    recording, both_are_ready = line.transcription.recording, threading.Barrier(2, timeout=patient(5))
    told: list[EditConflict] = []

    def write() -> None:
        both_are_ready.wait()
        try:
            edit(line, seat, 1, "Hello.")
        except EditConflict as conflict:
            told.append(conflict)
        finally:
            connection.close()

    editor = threading.Thread(target=write)
    editor.start()
    both_are_ready.wait()
    again = workflow.retry(recording)
    editor.join()

    assert again is not None
    replaced = Transcription.objects.get(is_current=False)
    assert replaced.version < again.version  # a page keeps what is newest
    written = Revision.objects.count()
    assert (len(told), Utterance.objects.get().text) == ((0, "Hello.") if written else (1, "Helo."))
