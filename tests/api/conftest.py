"""Callers of the API: one with a token, one with a session, and rows to look at."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.settings import BASE_DIR
from transcription import tokens
from transcription.meetings import create_meeting
from transcription.models import Meeting, Participant, Recording, Transcription, Utterance

SPEECH = BASE_DIR / "tests" / "audio" / "speech_slt_1.wav"


class Make(Protocol):
    """Makes a recording with its transcription; keywords of either."""

    def __call__(self, meeting: Meeting, **values: Any) -> Transcription: ...


@pytest.fixture
def minsu(db: None) -> User:
    """The one who calls."""
    return User.objects.create_user("minsu", first_name="Minsu", last_name="Kim")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody of another meeting."""
    return User.objects.create_user("stranger")


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A client with a bearer token of this user."""

    def client_of(user: User) -> Client:
        return Client(headers={"Authorization": f"Bearer {tokens.make(user)}"}, enforce_csrf_checks=True)

    return client_of


@pytest.fixture
def client(minsu: User, as_user: Callable[[User], Client]) -> Client:
    """Minsu's program, with a bearer token."""
    return as_user(minsu)


@pytest.fixture
def meeting(minsu: User) -> Meeting:
    """Minsu's."""
    return create_meeting(minsu, "Weekly", "en")


@pytest.fixture
def theirs(stranger: User) -> Meeting:
    """One that Minsu is not in."""
    return create_meeting(stranger, "Not yours", "en")


@pytest.fixture
def speech() -> Callable[[], SimpleUploadedFile]:
    """A spoken sentence, to be sent."""
    return lambda: SimpleUploadedFile("hello.wav", SPEECH.read_bytes(), "audio/wav")


@pytest.fixture
def make_recording() -> Make:
    """Rows as the workflow leaves them, without files."""
    return make


def make(meeting: Meeting, **values: Any) -> Transcription:
    """A recording with its current transcription. `texts`: [(start_ms, duration_ms, label, text), …]."""
    texts = values.pop("texts", [])
    of_recording = {
        name: values.pop(name)
        for name in ("kind", "offset_ms", "duration_ms", "client_id", "participant")
        if name in values
    }
    owner = Participant.objects.get(meeting=meeting, user=meeting.owner)
    recording = Recording.objects.create(
        **{"meeting": meeting, "kind": "live", "offset_ms": 0, "participant": owner, **of_recording},
        format="wav",
        size_bytes=1,
        audio="audio/x",
    )
    status = values.setdefault("status", "done")
    if status in Transcription.TERMINAL:
        values |= {"next_action_at": None, "finished_at": timezone.now()}
    else:
        values.setdefault("next_action_at", timezone.now() + timedelta(hours=1))
    if status == "processing":
        values.setdefault("vendor_job_id", "job")
    if status == "failed":
        values.setdefault("error_code", "too_long")
    row = Transcription.objects.create(
        recording=recording, meeting=meeting, vendor=values.pop("vendor", "rtzr"), language="en", **values
    )
    Utterance.objects.bulk_create(
        Utterance(transcription=row, position=n, start_ms=start, duration_ms=length, speaker=label, text=text)
        for n, (start, length, label, text) in enumerate(texts)
    )
    return row


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    """Where this test's files go."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"
