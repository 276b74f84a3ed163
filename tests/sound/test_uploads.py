"""Resumable uploads below the protocol: what another request or process does to one meanwhile."""

import fcntl
import io
import uuid
from pathlib import Path

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from tests.stt import a_meeting
from transcription.models import Upload
from transcription.sound import intake, uploads

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(settings: Settings, tmp_path: Path) -> Upload:
    """An upload without any bytes yet."""
    settings.MEDIA_ROOT = tmp_path
    participant = a_meeting().participants.get()
    return uploads.begin(participant, client_id=uuid.uuid4(), name="talk.wav", size=10)


def test_what_is_cancelled_before_a_part_is_looked_at_is_gone(upload: Upload) -> None:
    Upload.objects.all().delete()
    with pytest.raises(uploads.Gone):
        uploads.append(upload, 0, io.BytesIO(b"x"))


def test_who_begins_while_the_meeting_is_deleted_is_told_so(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise IntegrityError  # as PostgreSQL does at the commit, when the meeting is gone

    monkeypatch.setattr(Upload.objects, "create", refuse)
    with pytest.raises(intake.UploadRefused) as refused:
        uploads.begin(upload.participant, client_id=uuid.uuid4(), name="x", size=10)
    assert refused.value.code == "not_found"


def test_an_expired_upload_is_discarded_unless_a_part_of_it_arrives_at_this_moment(upload: Upload) -> None:
    path = uploads.path_of(upload)
    with path.open("r+b") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)  # as a request that adds to it does
        assert not uploads.discard_idle(upload)
        assert path.exists()
    assert uploads.discard_idle(upload)
    assert not path.exists()
    assert not Upload.objects.exists()


def test_an_expired_upload_without_a_file_is_discarded_too(upload: Upload) -> None:
    uploads.path_of(upload).unlink()
    assert uploads.discard_idle(upload)
    assert not Upload.objects.exists()
