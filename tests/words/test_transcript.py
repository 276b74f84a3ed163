"""The transcript: lines in the order of speaking, and who spoke."""

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from tests.rows import a_row
from transcription.lifecycle import workflow
from transcription.models import Meeting, Participant
from transcription.people.meetings import create_meeting, invite, remove
from transcription.words import transcript
from transcription.words.transcript import SpokenLine, SpokenWord


@pytest.fixture
def minsu(db: None) -> User:
    return User.objects.create_user("minsu", first_name="Minsu", last_name="Kim")


@pytest.fixture
def meeting(minsu: User) -> Meeting:
    return create_meeting(minsu, "Weekly", "en")


@pytest.fixture
def jane(meeting: Meeting) -> Participant:
    return invite(meeting, User.objects.create_user("jane"))


# --- Lines ----------------------------------------------------------------------------------------


def test_lines_are_in_the_order_of_speaking_across_recordings(meeting: Meeting, jane: Participant) -> None:
    a_row(meeting, offset_ms=5000, texts=[(0, 100, "", "third"), (2000, 100, "", "fifth")])
    a_row(
        meeting, offset_ms=1000, participant=jane, texts=[(3000, 100, "", "second"), (5500, 0, "", "fourth")]
    )
    first = a_row(meeting, offset_ms=0, texts=[(3999, 7, "", "first")])
    lines = transcript.lines(meeting)
    assert [(line.text, line.start_ms, line.speaker) for line in lines] == [
        ("first", 3999, "Minsu Kim"),
        ("second", 4000, "jane"),
        ("third", 5000, "Minsu Kim"),
        ("fourth", 6500, "jane"),
        ("fifth", 7000, "Minsu Kim"),
    ]
    assert lines[0] == SpokenLine(first.recording_id, 3999, 7, "Minsu Kim", "first", "en")


def test_lines_of_a_mixed_meeting_have_the_language_of_their_words(meeting: Meeting) -> None:
    mixed = a_row(
        meeting, language="multi", texts=[(0, 1, "", "안녕하세요"), (1, 1, "", "hello"), (2, 1, "", "hm")]
    )
    for position, language in enumerate(("ko", "en", "")):
        mixed.utterances.filter(position=position).update(language=language)
    assert [line.language for line in transcript.lines(meeting)] == ["ko", "en", ""]
    rows = list(mixed.utterances.with_names().order_by("position"))
    assert [line.language for line in transcript.utterances(mixed, rows)] == ["ko", "en", ""]


def test_lines_that_begin_together_keep_the_order_of_recording_and_position(meeting: Meeting) -> None:
    a_row(meeting, texts=[(0, 1, "", "a"), (0, 1, "", "b")])
    a_row(meeting, texts=[(0, 1, "", "c")])
    assert [line.text for line in transcript.lines(meeting)] == ["a", "b", "c"]


def test_lines_cost_one_query_however_many(
    meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        a_row(meeting, texts=[(n, 1, "", "x") for n in range(10)])
    with django_assert_num_queries(1):
        assert len(transcript.lines(meeting)) == 100


def test_lines_of_another_meeting_and_of_replaced_transcriptions_are_not_there(
    meeting: Meeting, minsu: User
) -> None:
    a_row(create_meeting(minsu, "Other", "en"), texts=[(0, 1, "", "elsewhere")])
    replaced = a_row(meeting, status="failed", texts=[(0, 1, "", "before the retry")])
    assert workflow.retry(replaced.recording) is not None
    assert transcript.lines(meeting) == []


def test_a_file_has_the_speakers_that_the_vendor_heard_counted_from_one(meeting: Meeting) -> None:
    a_row(
        meeting,
        kind="upload",
        texts=[(0, 1, "0", "a"), (1, 1, "11", "b"), (2, 1, "", "c"), (3, 1, "Anna", "d"), (4, 1, "²", "e")],
    )
    assert [line.speaker for line in transcript.lines(meeting)] == [
        "Speaker 1",
        "Speaker 12",
        "",
        "Anna",
        "²",
    ]


def test_who_was_removed_leaves_their_words_and_their_name(meeting: Meeting, jane: Participant) -> None:
    a_row(meeting, participant=jane, texts=[(0, 1, "0", "still here")])
    remove(meeting, jane)
    [line] = transcript.lines(meeting)
    assert (line.speaker, line.text) == ("jane", "still here")


def test_words_come_with_times_in_the_meeting_if_they_are_asked_for(meeting: Meeting) -> None:
    row = a_row(meeting, offset_ms=5000, texts=[(700, 900, "", "good morning")])
    words = [
        {"start_ms": 700, "duration_ms": 300, "text": "good"},
        {"start_ms": 1100, "duration_ms": 500, "text": "morning"},
    ]
    row.utterances.update(words=words)
    [line] = transcript.lines_with_words(meeting)
    assert line.words == (SpokenWord(5700, 300, "good"), SpokenWord(6100, 500, "morning"))
    assert transcript.lines(meeting)[0].words == ()
