"""A full disk is answered with 507 and one sentence: in the API, in a form without scripts, and in the admin."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files import uploadedfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.full_disk import (
    FULL_DISK,
    NO_ROOM,
    NO_ROOM_IN_KOREAN,
    FullFile,
    find_database_full,
    find_disk_full,
)
from tests.rows import a_row
from tests.stt import AUDIO
from transcription.lifecycle import workflow
from transcription.live import no_room
from transcription.models import Meeting, Recording, Transcription, Upload
from transcription.people.meetings import create_meeting
from transcription.sound import uploads

pytestmark = pytest.mark.django_db

SPEECH = (AUDIO / "speech_slt_1.wav").read_bytes()
TUS = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def meeting() -> Meeting:
    return create_meeting(User.objects.create_superuser("mina"), "Weekly", "en")


@pytest.fixture
def page(meeting: Meeting) -> Client:
    """The owner's browser, which sees the answer to an exception as people do."""
    client = Client(raise_request_exception=False)
    client.force_login(meeting.owner)
    return client


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file() and not path.is_symlink()]


def hand_in(page: Client, meeting: Meeting) -> Any:
    audio = SimpleUploadedFile("a.wav", SPEECH)
    return page.post(f"/api/v1/meetings/{meeting.pk}/recordings", {"audio": audio})


def upload_form(page: Client, meeting: Meeting) -> Any:
    audio = SimpleUploadedFile("a.wav", SPEECH)
    return page.post(reverse("upload", args=[meeting.pk]), {"audio": audio})


def in_api(answer: Any) -> bool:
    error = answer.json()["error"]
    return (answer.status_code, error["code"]) == (507, "no_room") and NO_ROOM in error["message"]


def on_page(answer: Any) -> bool:
    return answer.status_code == 507 and NO_ROOM in answer.text and NO_ROOM_IN_KOREAN in answer.text


class TestApi:
    """The answer is JSON."""

    def test_a_recording_for_which_the_storage_has_no_room_leaves_nothing(
        self, page: Client, meeting: Meeting, media: Path, settings: Any
    ) -> None:
        settings.STORAGES = settings.STORAGES | FULL_DISK
        assert in_api(hand_in(page, meeting))
        assert files(media) == []
        assert not Recording.objects.exists()
        assert no_room.count() == 1

    def test_a_body_for_which_the_temporary_directory_has_no_room(
        self, page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploadedfile.tempfile, "NamedTemporaryFile", FullFile)  # type: ignore[attr-defined]
        assert in_api(hand_in(page, meeting))

    def test_a_recording_for_which_the_database_has_no_room_leaves_no_file(
        self, page: Client, meeting: Meeting, media: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Transcription.objects, "create", find_database_full)
        assert in_api(hand_in(page, meeting))
        assert files(media) == []
        assert not Recording.objects.exists()

    def test_a_new_upload(self, page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "touch", find_disk_full)
        answer = page.post(
            f"/api/v1/meetings/{meeting.pk}/uploads", headers=TUS | {"Upload-Length": str(len(SPEECH))}
        )
        assert in_api(answer)
        assert not Upload.objects.exists()

    def test_a_part_of_an_upload_which_goes_on_when_there_is_room(
        self, page: Client, meeting: Meeting
    ) -> None:
        upload = self.begun(meeting)
        path = uploads.path_of(upload)
        self.append(page, upload, 0, SPEECH[:1000])
        kept = path.rename(path.with_name("kept"))
        path.symlink_to("/dev/full")
        assert in_api(self.append(page, upload, 1000, SPEECH[1000:]))
        path.unlink()
        kept.rename(path)

        offset = page.head(f"/api/v1/uploads/{upload.pk}", headers=TUS)["Upload-Offset"]
        assert offset == "1000"
        assert self.append(page, upload, 1000, SPEECH[1000:]).status_code == 204
        assert Recording.objects.get().size_bytes == len(SPEECH)

    def test_the_end_of_an_upload_which_is_sent_again(
        self, page: Client, meeting: Meeting, media: Path, settings: Any
    ) -> None:
        upload = self.begun(meeting)
        settings.STORAGES = settings.STORAGES | FULL_DISK
        assert in_api(self.append(page, upload, 0, SPEECH))
        assert uploads.path_of(upload).stat().st_size == len(SPEECH)
        settings.STORAGES = settings.STORAGES | {
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
        }
        assert self.append(page, upload, 0, SPEECH).status_code == 204
        assert Recording.objects.get().size_bytes == len(SPEECH)
        assert not uploads.path_of(upload).exists()

    def test_an_api_call_that_fails_before_the_api_is_reached(
        self, page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(SessionStore, "load", find_database_full)
        assert in_api(page.get(f"/api/v1/meetings/{meeting.pk}"))

    def begun(self, meeting: Meeting) -> Upload:
        participant = meeting.participants.get()
        return uploads.begin(participant, client_id=uuid.uuid4(), name="a.wav", size=len(SPEECH))

    def append(self, page: Client, upload: Upload, offset: int, part: bytes) -> Any:
        headers = TUS | {"Upload-Offset": str(offset)}
        return page.patch(f"/api/v1/uploads/{upload.pk}", part, content_type=PART, headers=headers)


class TestPages:
    """The answer is a page in both languages: it may be all that still works."""

    def test_the_form_without_scripts(
        self, page: Client, meeting: Meeting, media: Path, settings: Any
    ) -> None:
        settings.STORAGES = settings.STORAGES | FULL_DISK
        assert on_page(upload_form(page, meeting))
        assert files(media) == []
        assert no_room.count() == 1

    def test_a_form_for_which_the_temporary_directory_has_no_room(
        self, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = Client(raise_request_exception=False, enforce_csrf_checks=True)  # which reads the form first
        page.force_login(meeting.owner)
        page.cookies["csrftoken"] = "a" * 32
        monkeypatch.setattr(uploadedfile.tempfile, "NamedTemporaryFile", FullFile)  # type: ignore[attr-defined]
        assert on_page(upload_form(page, meeting))

    def test_a_new_meeting(self, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Meeting.objects, "create", find_database_full)
        assert on_page(page.post(reverse("meetings"), {"title": "Weekly", "language": "en"}))

    def test_a_session_that_cannot_be_kept(
        self, page: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        """It is written after the view, by a middleware."""
        settings.SESSION_SAVE_EVERY_REQUEST = True
        monkeypatch.setattr(SessionStore, "save", find_database_full)
        assert on_page(page.get(reverse("meetings")))

    @pytest.mark.parametrize("find", [find_database_full, find_disk_full])
    def test_an_action_in_the_admin(
        self, page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch, find: Callable[..., Any]
    ) -> None:
        row = a_row(meeting, status="failed")
        monkeypatch.setattr(workflow, "retry", find)
        answer = page.post(
            reverse("admin:transcription_transcription_changelist"),
            {"action": "retry", "_selected_action": [row.pk]},
        )
        assert on_page(answer)
        row.refresh_from_db()
        assert row.status == "failed"

    def test_another_error_stays_500(self, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**_fields: Any) -> None:
            raise OSError("something else")

        monkeypatch.setattr(Meeting.objects, "create", fail)
        answer = page.post(reverse("meetings"), {"title": "Weekly", "language": "en"})
        assert answer.status_code == 500
        assert NO_ROOM not in answer.text
        assert no_room.count() == 0
