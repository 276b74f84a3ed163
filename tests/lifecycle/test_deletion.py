"""Deleting a meeting: nothing of it is left, and nothing of another is touched."""

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db.models.deletion import Collector
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.stt import a_meeting, a_recording, row_of
from tests.transactions import start_beside
from transcription import events
from transcription.lifecycle import deletion
from transcription.models import Meeting, Participant, Recording, Transcription
from transcription.service.accounts import gate_of
from transcription.sound import intake, media
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kept(settings: Any, tmp_path: Path) -> Path:
    """Return the directory of this test's files."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(kept: Path) -> list[str]:
    return sorted(str(path.relative_to(kept)) for path in kept.rglob("*"))


def test_rows_and_files_are_gone_and_those_of_another_meeting_are_there(
    kept: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    meeting, other = a_meeting(), a_meeting("Other")
    for _ in range(2):
        recording = a_recording(meeting)
        recording.prepared.save("x", ContentFile(b"flac"))
    untouched = a_recording(other)

    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(meeting)

    assert list(Meeting.objects.all()) == [other]
    assert list(Recording.objects.all()) == [untouched]
    assert Participant.objects.count() == Transcription.objects.count() == 1
    assert files(kept) == ["audio", f"audio/{other.pk}", untouched.audio.name]


def test_the_files_stay_until_the_rows_are_gone_for_good(kept: Path) -> None:
    meeting = a_meeting()
    recording = a_recording(meeting)
    deletion.delete(meeting)  # within the test's transaction, which is not committed
    assert recording.audio.name in files(kept)


@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_does_not_come_to_its_end_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = a_meeting()
    alive = a_recording(meeting)

    def dies(_: Meeting) -> None:
        raise SystemExit

    monkeypatch.setattr(Meeting, "delete", dies)
    with pytest.raises(SystemExit):
        deletion.delete(meeting)
    assert row_of(alive).status == "queued"


@pytest.mark.django_db(transaction=True)
def test_a_job_at_the_vendor_keeps_its_place_until_it_has_ended_there() -> None:
    meeting = a_meeting()
    row = row_of(a_recording(meeting))
    Transcription.objects.filter(pk=row.pk).update(
        status="processing", vendor_job_id="job-1", pool="sommers", submitted_at=timezone.now()
    )
    gate = gate_of(row.vendor)
    gate.adopt(["job-1"], pool="sommers")
    deletion.delete(meeting)
    assert gate.figures(pool="sommers").jobs == 1
    later = time.time() + 3600
    assert gate.figures(pool="sommers", now=later).jobs == 0


def test_every_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(events, "publish_meeting", lambda *args: told.append(args))
    meeting = a_meeting()
    pk = meeting.pk
    deletion.delete(meeting)
    assert told == [(pk, 2, "deleted")]


def test_a_meeting_in_which_nothing_was_said_has_no_files_to_miss(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, caplog: pytest.LogCaptureFixture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(a_meeting())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_file_that_cannot_be_removed_is_named_in_the_log(
    kept: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meeting = a_meeting()
    stuck, gone = a_recording(meeting).audio.name, a_recording(meeting).audio.name
    remove = FileSystemStorage.delete

    def busy(storage: FileSystemStorage, name: str) -> None:
        if name == stuck:
            raise PermissionError
        remove(storage, name)

    monkeypatch.setattr(FileSystemStorage, "delete", busy)
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(meeting)
    assert str(stuck) in caplog.text
    assert gone not in files(kept)
    assert not Meeting.objects.exists()


def test_what_a_worker_prepares_meanwhile_is_not_left_behind(
    kept: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    meeting = a_meeting()
    recording = a_recording(meeting)
    Recording.objects.filter(pk=recording.pk).update(format="webm", prepared_at=None)
    recording.refresh_from_db()
    recording.audio.open()  # as a worker does that is about to send it
    Recording.objects.filter(pk=recording.pk).delete()

    with pytest.raises(FileNotFoundError):
        media.prepare(recording, get_vendor("rtzr"))
    assert files(kept) == ["audio", f"audio/{meeting.pk}", recording.audio.name]


def test_who_hands_something_in_meanwhile_is_told_so(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    meeting = a_meeting()
    probe = intake._probe

    def deleted_while_it_is_looked_at(*args: Any) -> Any:
        Meeting.objects.filter(pk=meeting.pk).delete()
        return probe(*args)

    monkeypatch.setattr(intake, "_probe", deleted_while_it_is_looked_at)
    # As PostgreSQL does at the commit if the meeting is gone.
    monkeypatch.setattr(Recording, "save", _integrity_error)
    with pytest.raises(intake.UploadRefused) as refused:
        a_recording(meeting, client_id=None, offset_ms=0)
    assert refused.value.code == "not_found"
    assert [name for name in files(kept) if (kept / name).is_file()] == []


@pytest.mark.django_db(transaction=True)
def test_what_comes_in_while_the_rows_go_waits_and_finds_no_meeting(
    monkeypatch: pytest.MonkeyPatch, kept: Path
) -> None:
    meeting = a_meeting()
    outcome: list[str] = []
    remove = Collector.delete

    def hand_in() -> None:
        try:
            a_recording(Meeting.objects.get(pk=meeting.pk), offset_ms=0)
            outcome.append("kept")
        except intake.UploadRefused as refused:
            outcome.append(refused.code)

    senders: list[threading.Thread] = []

    def meanwhile(collected: Collector) -> Any:
        """Hand a recording in once the rows to delete are known and none of them is deleted yet."""
        if not senders:
            senders.append(start_beside(hand_in))
        return remove(collected)

    monkeypatch.setattr(Collector, "delete", meanwhile)
    deletion.delete(meeting)
    senders[0].join()
    assert outcome == ["not_found"]
    assert not Meeting.objects.exists()
    assert [name for name in files(kept) if (kept / name).is_file()] == []


def _integrity_error(*_args: Any, **_options: Any) -> None:
    from django.db import IntegrityError

    raise IntegrityError


class TestPage:
    """The page that asks for confirmation, and the deletion."""

    @pytest.fixture
    def owner(self, client: Client) -> Client:
        client.force_login(a_meeting().owner)
        return client

    def test_asks_first_and_says_what_is_lost(self, owner: Client) -> None:
        meeting = Meeting.objects.get()
        a_recording(meeting)
        html = owner.get(reverse("delete", args=[meeting.pk])).text
        assert "all its recordings (1)" in html
        assert Meeting.objects.exists()

    def test_deletes_and_leads_to_the_list(self, owner: Client) -> None:
        answer = owner.post(reverse("delete", args=[Meeting.objects.get().pk]), follow=True)
        assert "The meeting and its recordings are deleted." in answer.text
        assert not Meeting.objects.exists()
