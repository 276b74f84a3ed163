"""Callers of the API, and meetings: their own and somebody else's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.settings import BASE_DIR
from transcription.models import Meeting
from transcription.people import tokens
from transcription.people.meetings import create_meeting

SPEECH = BASE_DIR / "tests" / "audio" / "speech_slt_1.wav"


@pytest.fixture
def minsu(db: None) -> User:
    """The user who calls the API."""
    return User.objects.create_user("minsu", first_name="Minsu", last_name="Kim")


@pytest.fixture
def stranger(db: None) -> User:
    """A user who is in another meeting only."""
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
    """A meeting that Minsu is not in."""
    return create_meeting(stranger, "Not yours", "en")


@pytest.fixture
def speech() -> Callable[[], SimpleUploadedFile]:
    """A function that makes an upload of a spoken sentence."""
    return lambda: SimpleUploadedFile("hello.wav", SPEECH.read_bytes(), "audio/wav")


@pytest.fixture
def media(tmp_path: Path, settings: Any) -> Path:
    """The directory of this test's files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"
