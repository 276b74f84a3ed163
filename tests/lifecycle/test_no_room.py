"""A full disk in a worker: the recording waits and goes on by itself; it does not fail, and spends no attempt."""

from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.full_disk import FULL_DISK, FullFile, find_database_full, find_redis_full
from tests.servers import Emulator, running_redis
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until, submits
from transcription.lifecycle import jobs, lease, workflow
from transcription.live import no_room
from transcription.models import Recording, Transcription, TranscriptionQuerySet
from transcription.sound import media

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(settings: Any, tmp_path: Path) -> Recording:
    """A recording that a worker has to prepare."""
    settings.MEDIA_ROOT = tmp_path
    recording = a_recording(a_meeting())
    Recording.objects.update(format="webm", prepared_at=None)
    return recording


def waits_for_room(recording: Recording, times: int) -> None:
    """Run it more often than its workers may die, and assert that it still waits."""
    for n in range(times):
        make_due()
        run_due()
        row = row_of(recording)
        assert (row.status, row.starts, row.attempts, row.error_code) == ("queued", 0, 0, ""), n
        assert row.next_action_at is not None


def test_audio_that_cannot_be_prepared_waits_and_goes_on_by_itself(
    recording: Recording, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = django_settings.STT_MAX_STARTS + 2
    with monkeypatch.context() as full:
        full.setattr(media.tempfile, "TemporaryFile", FullFile)  # type: ignore[attr-defined]
        waits_for_room(recording, often)
    assert no_room.count() == often
    make_due()
    assert run_until(recording).status == "done"
    assert submits(emulator) == {"200": 1}


def test_each_try_leaves_nothing_on_the_full_disk(
    recording: Recording, emulator: Emulator, settings: Any
) -> None:
    before = settings.STORAGES
    settings.STORAGES = before | FULL_DISK
    waits_for_room(recording, 3)
    folder = f"audio/{recording.meeting_id}"
    assert [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]] == [recording.audio.name]
    settings.STORAGES = before
    make_due()
    assert run_until(recording).status == "done"


def test_it_is_tried_again_after_a_pause(
    recording: Recording, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.STT_NO_ROOM_SECONDS = 1000.0
    monkeypatch.setattr(media.tempfile, "TemporaryFile", FullFile)  # type: ignore[attr-defined]
    before = row_of(recording).next_action_at
    run_due()
    after = row_of(recording).next_action_at
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() > 900


def test_a_result_for_which_the_database_has_no_room_is_fetched_again(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    with monkeypatch.context() as full:
        full.setattr(workflow, "_finish", find_database_full)
        for _ in range(django_settings.STT_MAX_STARTS + 2):
            make_due()
            run_due()
    row = row_of(recording)
    assert (row.status, row.starts, row.attempts) == ("processing", 0, 0)
    make_due()
    row = run_until(recording)
    assert (row.status, row.possible_duplicate) == ("done", 0)
    assert submits(emulator) == {"200": 1}


def test_a_database_that_cannot_even_put_it_off_leaves_that_to_the_lease(
    recording: Recording,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(workflow, "submit", find_database_full)
    monkeypatch.setattr(TranscriptionQuerySet, "update", find_database_full)
    jobs.submit(row_of(recording).pk, 0)
    assert "was not put off" in caplog.text


def test_another_job_of_the_row_is_not_put_off(recording: Recording) -> None:
    row = row_of(recording)
    Transcription.objects.update(claim=5)
    lease.put_off(row.pk, 3, lease.lease_length())
    row.refresh_from_db()
    assert row.claim == 5


def test_a_redis_that_cannot_write_is_not_counted_in_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    socket = tmp_path / "r.sock"
    with running_redis(socket), redis.Redis(unix_socket_path=str(socket)) as client:
        with pytest.raises(redis.ResponseError):
            find_redis_full(client, tmp_path)
        monkeypatch.setattr(no_room, "redis_client", lambda: client)
        no_room.note()
        assert no_room.count() == 0
    assert "was not counted" in caplog.text


def test_what_the_storage_had_before_stays(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    name = default_storage.save("audio/1/x", ContentFile(b"kept"))
    settings.STORAGES = settings.STORAGES | FULL_DISK
    with pytest.raises(OSError, match="No space"):
        media.store(Recording(meeting_id=1).audio, ContentFile(b"new"))
    assert [path.name for path in (tmp_path / "audio" / "1").iterdir()] == [Path(name).name]
