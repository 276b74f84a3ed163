"""Naming the voices of a file: once for the recording, everywhere."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.rows import a_row
from tests.stt import a_meeting
from transcription.models import Meeting, SpeakerName, Transcription
from transcription.people.meetings import invite, rename
from transcription.words import lines, speakers, transcript

pytestmark = pytest.mark.django_db

TALK = [(0, 900, "0", "Hello."), (1000, 900, "1", "Hi."), (2000, 900, "0", "Well.")]


@pytest.fixture
def meeting() -> Meeting:
    return a_meeting()


@pytest.fixture
def row(meeting: Meeting) -> Transcription:
    return a_row(meeting, kind="upload", texts=TALK)


@pytest.fixture
def page(meeting: Meeting) -> Client:
    client = Client()
    client.force_login(meeting.owner)
    return client


def name(page: Client, recording: int, **content: Any) -> Any:
    return page.post(
        f"/api/v1/recordings/{recording}/speakers", json.dumps(content), content_type="application/json"
    )


def shown(meeting: Meeting) -> list[str]:
    """Return the speakers' names on the page, which are checked to be those in the files."""
    on_page = [line.speaker for line in lines.first(meeting).lines]
    assert on_page == [line.speaker for line in transcript.lines(meeting)]
    return on_page


def test_a_voice_is_named_once_for_the_recording_and_everywhere(
    page: Client, meeting: Meeting, row: Transcription
) -> None:
    a_row(meeting, kind="upload", offset_ms=9000, texts=[(0, 900, "0", "Another file.")])
    answer = name(page, row.recording_id, label="0", name=" Anna  Kim ")
    assert [said["speaker"] for said in answer.json()["utterances"]] == ["Anna Kim", "Speaker 2", "Anna Kim"]
    assert shown(meeting) == ["Anna Kim", "Speaker 2", "Anna Kim", "Speaker 1"]
    assert answer.json()["version"] == row.version + 1

    name(page, row.recording_id, label="0", name="")
    assert shown(meeting) == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 1"]
    assert not SpeakerName.objects.exists()


def test_the_name_of_somebody_in_the_meeting_follows_them(
    page: Client, meeting: Meeting, row: Transcription
) -> None:
    jun = invite(meeting, User.objects.create_user("jun"))
    name(page, row.recording_id, label="1", name="jun")
    assert SpeakerName.objects.get().participant == jun
    rename(meeting, jun, "Jun Park")
    assert shown(meeting) == ["Speaker 1", "Jun Park", "Speaker 1"]


def test_a_name_that_two_people_have_is_only_a_name(
    page: Client, meeting: Meeting, row: Transcription
) -> None:
    for user in "jun", "jan":
        rename(meeting, invite(meeting, User.objects.create_user(user)), "Twin")
    name(page, row.recording_id, label="1", name="Twin")
    assert (SpeakerName.objects.get().participant, SpeakerName.objects.get().name) == (None, "Twin")


def test_only_voices_of_files_that_are_heard_can_be_named(
    page: Client, meeting: Meeting, row: Transcription
) -> None:
    live = a_row(meeting, texts=[(0, 900, "0", "Mine.")])
    for recording, label in (row.recording_id, "7"), (live.recording_id, "0"):
        answer = name(page, recording, label=label, name="Anna")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_heard")
    for bad in (
        {"label": "0", "name": "x" * 61},
        {"label": "", "name": "Anna"},
        {"label": "0\x00", "name": "Anna"},
        {"label": "\ud800", "name": "Anna"},
        {"label": "0", "name": "\u202e"},
    ):
        assert name(page, row.recording_id, **bad).status_code == 422
    assert not SpeakerName.objects.exists()


def test_nobody_else_names_anybody(row: Transcription) -> None:
    assert name(Client(), row.recording_id, label="0", name="Anna").status_code == 401
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger"))
    assert name(stranger, row.recording_id, label="0", name="Anna").status_code == 404


def test_names_cost_no_query_for_each_line(
    meeting: Meeting, row: Transcription, django_assert_num_queries: Any
) -> None:
    speakers.name_speaker(row.recording, "0", "Anna")
    with django_assert_num_queries(1):
        assert len(transcript.lines(meeting)) == 3
