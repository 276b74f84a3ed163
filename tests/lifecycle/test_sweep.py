"""What processes that died have left behind is found and removed; what may still be needed never is."""

import os
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, default_storage, storages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone
from django.utils._os import safe_join

from tests.fleet import Fleet
from tests.stt import a_meeting, a_recording
from tests.waiting import patient, wait_until
from transcription.lifecycle import deletion, sweep
from transcription.models import DeletedMeeting, Meeting, Recording, Upload
from transcription.sound import intake, left_over, media, uploads
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    """Return this test's data directory, with the storage in it."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    return tmp_path


def swept(after: timedelta = timedelta(hours=49), **options: Any) -> dict[str, str]:
    """Sweep as `after` from now, with a minimum age of 48 hours. Return what became of each file, by its name."""
    found = sweep.sweep(timedelta(hours=48), now=timezone.now() + after, **options)
    root = f"{django_settings.DATA_DIR}/"
    return {each.file.name.removeprefix(root): f"{each.what}: {each.file.why.name}" for each in found}


def stray(meeting: Meeting, content: bytes = b"sound") -> str:
    """Store a file as intake does, without a row."""
    return default_storage.save(f"audio/{meeting.pk}/{uuid.uuid4().hex}", ContentFile(content))


def audio_of(recording: Recording) -> str:
    return str(recording.audio.name)


class Died(BaseException):
    """Stands for the end of the process: no handler of errors hears of it."""


def die(*_args: Any, **_options: Any) -> Any:
    raise Died


class TestWithoutARow:
    """Files that a process wrote before it died."""

    def test_audio_whose_recording_was_never_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        meeting = a_meeting()
        there = a_recording(meeting)
        with monkeypatch.context() as patch:
            patch.setattr(intake, "_store", die)
            with pytest.raises(Died):
                a_recording(meeting)
        _, files = default_storage.listdir(f"audio/{meeting.pk}")
        lost = f"audio/{meeting.pk}/{next(f for f in files if not audio_of(there).endswith(f))}"

        assert swept(timedelta(hours=47)) == {lost: "young: NO_RECORDING"}
        assert swept(dry_run=True) == {lost: "would be removed: NO_RECORDING"}
        assert default_storage.exists(lost)
        assert swept() == {lost: "removed: NO_RECORDING"}
        assert swept() == {}
        assert default_storage.listdir(f"audio/{meeting.pk}")[1] == [Path(audio_of(there)).name]

    def test_prepared_audio_that_the_row_never_heard_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recording = a_recording(a_meeting())
        Recording.objects.filter(pk=recording.pk).update(format="webm", prepared_at=None)
        recording.refresh_from_db()
        with monkeypatch.context() as patch:
            patch.setattr(Recording.objects, "filter", die)
            with pytest.raises(Died):
                media.prepare(recording, get_vendor("rtzr"))
        lost = recording.prepared.name
        media.prepare(Recording.objects.get(pk=recording.pk), get_vendor("rtzr"))  # the next worker's own

        assert swept() == {lost: "removed: NO_RECORDING"}
        recording.refresh_from_db()
        assert default_storage.exists(audio_of(recording))
        assert default_storage.exists(str(recording.prepared))

    def test_djangos_temporary_upload(self, data: Path) -> None:
        upload = TemporaryUploadedFile("talk.wav", "audio/wav", 3, None)
        upload.write(b"abc")
        name = str(Path(upload.temporary_file_path()).relative_to(data))
        (data / "uploads" / "notes.txt").touch()
        assert swept(timedelta(0)) == {
            name: "young: TEMPORARY",
            "uploads/notes.txt": "kept: NOT_OURS",
        }
        assert swept()[name] == "removed: TEMPORARY"
        assert [path.name for path in (data / "uploads").iterdir()] == ["notes.txt"]
        upload.close()  # finds it gone, as after a move

    def test_what_a_start_leaves_when_it_is_killed(self, data: Path) -> None:
        (data / "run").mkdir()
        names = ["secret_key.0123456789abcdef", "run/probe.0123abcd"]
        for name in [*names, "secret_key", "mico.sqlite3"]:
            (data / name).touch()
        model = data / "models" / ".whisper-abc123_x" / "model"
        model.mkdir(parents=True)
        (model / "model.bin").write_bytes(b"half")
        (data / "models" / "base").mkdir()
        assert swept() == {
            **dict.fromkeys(names, "removed: TEMPORARY"),
            "models/.whisper-abc123_x": "removed: TEMPORARY",
        }
        assert sorted(path.name for path in data.iterdir() if path.is_file()) == [
            "mico.sqlite3",
            "secret_key",
        ]
        assert [path.name for path in (data / "models").iterdir()] == ["base"]

    def test_a_test_file_of_preflight(self) -> None:
        default_storage.save("preflight/0123456789abcdef", ContentFile(b"x"))
        default_storage.save("preflight/mine.txt", ContentFile(b"x"))
        assert swept() == {
            "preflight/0123456789abcdef": "removed: TEMPORARY",
            "preflight/mine.txt": "kept: NOT_OURS",
        }

    def test_parts_whose_upload_is_gone_but_not_those_of_one_that_goes_on(self) -> None:
        meeting = a_meeting()
        slow = uploads.begin(meeting.participants.get(), client_id=uuid.uuid4(), name="a.wav", size=10)
        lost = uploads.folder() / uuid.uuid4().hex
        lost.touch()
        os.utime(lost, (0, 0))  # linked just now, to hand in what arrived long ago
        foreign = uploads.folder() / ".nfs0001"
        foreign.touch()
        Upload.objects.update(changed_at=timezone.now() + timedelta(hours=48))  # its last part has just come
        assert swept(timedelta(0)) == {f"media/incoming/{lost.name}": "young: NO_UPLOAD"}
        assert swept() == {f"media/incoming/{lost.name}": "removed: NO_UPLOAD"}
        assert uploads.path_of(slow).exists()
        assert foreign.exists()

    def test_an_upload_past_its_lifetime(self) -> None:
        meeting = a_meeting()
        upload = uploads.begin(meeting.participants.get(), client_id=uuid.uuid4(), name="a.wav", size=10)
        path = uploads.path_of(upload)
        assert swept(dry_run=True) == {f"media/incoming/{path.name}": "would be removed: EXPIRED"}
        assert path.exists()
        assert swept() == {f"media/incoming/{path.name}": "removed: EXPIRED"}
        assert not path.exists()
        assert not Upload.objects.exists()


class TestWhatStays:
    """What may be needed, whatever its name and age."""

    def test_what_was_moved_into_its_place_lately_is_young_however_old_its_bytes_are(self) -> None:
        """The last part of an upload may be days older than the request that makes the recording."""
        meeting = a_meeting()
        name = stray(meeting)
        long_ago = (timezone.now() - timedelta(days=9)).timestamp()
        Meeting.objects.update(created_at=timezone.now() - timedelta(days=10))
        os.utime(default_storage.path(name), (long_ago, long_ago))
        assert swept(timedelta(0)) == {name: "young: NO_RECORDING"}

    def test_what_gets_its_row_while_it_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        meeting = a_meeting()
        recording, name = a_recording(meeting), stray(meeting)
        listed = left_over._told

        def meanwhile(*args: Any) -> Iterator[left_over.Found]:
            Recording.objects.filter(pk=recording.pk).update(prepared=name)
            return listed(*args)

        monkeypatch.setattr(left_over, "_told", meanwhile)
        assert swept() == {name: "kept: NO_RECORDING"}
        assert default_storage.exists(name)

    def test_what_a_row_of_another_meeting_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(left_over, "MEETINGS_AT_ONCE", 1)
        recording, name = a_recording(a_meeting()), stray(a_meeting())
        Recording.objects.filter(pk=recording.pk).update(prepared=name)
        assert swept() == {name: "kept: NO_RECORDING"}
        assert default_storage.exists(name)

    def test_names_that_mico_does_not_give(self) -> None:
        names = ["audio/notes.txt", f"audio/{a_meeting().pk}/talk.wav", "audio/old/0", "other/0", "readme"]
        for name in names:
            default_storage.save(name, ContentFile(b"x"))
        told = {"audio/notes.txt", names[1], "audio/old", "other", "readme"}
        assert swept(of_no_meeting=True) == dict.fromkeys(told, "kept: NOT_OURS")
        assert all(default_storage.exists(name) for name in names)

    def test_what_a_link_leads_to(self, data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        precious = elsewhere / uuid.uuid4().hex
        precious.touch()
        meeting, linked = a_meeting(), a_meeting()
        name = stray(meeting)
        link = Path(default_storage.path(name))
        link.unlink()
        link.symlink_to(precious)
        (data / "media" / "audio" / str(linked.pk)).symlink_to(elsewhere)
        (data / "media" / "mine").symlink_to(elsewhere)
        (data / "uploads" / "tmpabcdefgh.upload.wav").symlink_to(precious)
        uploads.folder().mkdir()
        (uploads.folder() / uuid.uuid4().hex).symlink_to(precious)
        DeletedMeeting.objects.create(meeting_id=linked.pk)
        assert set(swept(of_no_meeting=True).values()) == {"kept: LINK"}
        assert precious.exists()

    def test_files_of_another_database(self) -> None:
        """With a new database and the old files, meeting 1 of the one is not meeting 1 of the other."""
        meeting = a_meeting()
        older, nobodys = stray(meeting), default_storage.save(f"audio/77777/{'0' * 32}", ContentFile(b"x"))
        Meeting.objects.update(created_at=timezone.now() + timedelta(hours=2))
        assert swept() == {older: "kept: OLDER", nobodys: "kept: NO_MEETING"}
        assert swept(of_no_meeting=True) == {older: "kept: OLDER", nobodys: "removed: NO_MEETING"}

    def test_the_rest_is_swept_when_one_file_cannot_be_removed(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        meeting = a_meeting()
        names = sorted(stray(meeting) for _ in range(2))
        remove = FileSystemStorage.delete

        def stuck(storage: FileSystemStorage, name: str) -> None:
            if name == names[0]:
                raise PermissionError
            remove(storage, name)

        monkeypatch.setattr(FileSystemStorage, "delete", stuck)
        assert swept() == {names[0]: "failed: NO_RECORDING", names[1]: "removed: NO_RECORDING"}
        assert names[0] in caplog.text


class Bucket(InMemoryStorage):
    """A storage as a bucket is: no paths, no times of creation, no folders of their own."""

    def path(self, name: str) -> str:
        raise NotImplementedError

    def _relative_path(self, name: str) -> str:
        """Return what Django's own makes of `path`."""
        return os.path.relpath(safe_join(self.location, name), self.location)

    def get_created_time(self, name: str) -> datetime:
        raise NotImplementedError


def test_a_bucket_is_swept_like_a_disk(settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": f"{__name__}.Bucket"}}
    bucket: Storage = storages["default"]
    assert isinstance(bucket, Bucket)
    meeting, deleted = a_meeting(), a_meeting("deleted")
    recording, lost = a_recording(meeting), stray(meeting)
    left = stray(deleted)
    DeletedMeeting.objects.create(meeting_id=deleted.pk)
    Meeting.objects.filter(pk=deleted.pk).delete()
    assert swept() == {lost: "removed: NO_RECORDING", left: "removed: DELETED"}
    assert bucket.exists(audio_of(recording))
    assert not bucket.exists(lost)
    assert not bucket.exists(left)


class TestUnfinishedDeletion:
    """The rows are gone and the files are not."""

    @pytest.fixture
    def fleet(self, settings: Any, redis_url: str) -> Iterator[Fleet]:
        settings.DATA_DIR = Path(settings.DATABASES["default"]["NAME"]).parent  # as the processes have it
        settings.MEDIA_ROOT = settings.DATA_DIR / "media"
        fleet = Fleet("http://127.0.0.1:9", redis_url, MICO_DATA=str(settings.DATA_DIR))
        yield fleet
        fleet.close()

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("data")
    def test_is_finished_by_the_dispatcher_after_a_kill(self, fleet: Fleet) -> None:
        meeting = a_meeting()
        recording = a_recording(meeting)  # a live job
        upload = uploads.begin(meeting.participants.get(), client_id=uuid.uuid4(), name="a.wav", size=10)
        folder = Path(default_storage.path(audio_of(recording))).parent
        assert fleet.deletion_that_dies(meeting.pk).wait(patient(15)) == -9
        assert not Meeting.objects.exists()
        assert len(list(folder.iterdir())) == 1

        fleet.dispatcher()

        wait_until(lambda: not folder.exists())
        fleet.close()
        # Its note stays, in case something was handed in at that moment; the parts have the age of a stray file.
        assert DeletedMeeting.objects.get().pk == meeting.pk
        assert str(uploads.path_of(upload)) in {each.file.name for each in sweep.sweep(HOUR)}
        assert swept()[str(uploads.path_of(upload)).removeprefix(f"{django_settings.DATA_DIR}/")] == (
            "removed: NO_UPLOAD"
        )
        assert not DeletedMeeting.objects.exists()

    def test_needs_no_age_and_is_told_in_a_dry_run(self) -> None:
        meeting = a_meeting()
        pk, name = meeting.pk, stray(meeting)
        with_rows = audio_of(a_recording(a_meeting()))
        deletion.delete(meeting)  # not committed in this test, so that its files stay
        folder = f"audio/{pk}"
        assert swept(timedelta(0), dry_run=True) == dict.fromkeys([name, folder], "would be removed: DELETED")
        assert swept(timedelta(0)) == dict.fromkeys([name, folder], "removed: DELETED")
        assert swept(timedelta(0)) == {}
        assert default_storage.exists(with_rows)

    def test_is_finished_once_more_for_what_came_in_at_that_moment(self) -> None:
        meeting = a_meeting()
        pk = meeting.pk
        deletion.delete(meeting)
        late = default_storage.save(f"audio/{pk}/{uuid.uuid4().hex}", ContentFile(b"late"))
        assert swept(timedelta(hours=47))[late] == "removed: DELETED"
        assert DeletedMeeting.objects.exists()
        swept()
        assert not DeletedMeeting.objects.exists()

    def test_a_name_that_mico_does_not_give_stays_with_its_folder(self) -> None:
        meeting = a_meeting()
        pk, name = meeting.pk, f"audio/{meeting.pk}/notes.txt"
        default_storage.save(name, ContentFile(b"x"))
        deletion.delete(meeting)
        assert swept() == {name: "kept: NOT_OURS"}
        assert default_storage.exists(name)
        assert not DeletedMeeting.objects.filter(pk=pk).exists()


class TestCommand:
    """manage.py sweep."""

    def run(self, *arguments: str) -> tuple[str, int]:
        out = StringIO()
        try:
            call_command("sweep", *arguments, stdout=out)
        except SystemExit as end:
            return out.getvalue(), int(str(end.code))
        return out.getvalue(), 0

    def test_lists_each_file_with_its_size_its_age_and_why(self, monkeypatch: pytest.MonkeyPatch) -> None:
        name = stray(a_meeting(), b"x" * 2048)
        later = timezone.now() + timedelta(hours=5)
        monkeypatch.setattr(timezone, "now", lambda: later)
        text, status = self.run("--dry-run", "--min-age", "4")
        line, total = text.replace("\xa0", " ").splitlines()
        assert line.split(maxsplit=7) == [
            *("would", "be", "removed", "5.0", "h", "2.0", "KB"),
            f"{name}  (no recording has this file)",
        ]
        assert (total, status) == ("1 would be removed, 2.0 KB; 0 failed; 0 missing.", 0)
        assert default_storage.exists(name)
        text, status = self.run("--min-age", "4")
        assert (text.splitlines()[-1].replace("\xa0", " "), status) == (
            "1 removed, 2.0 KB; 0 failed; 0 missing.",
            0,
        )
        assert not default_storage.exists(name)

    def test_tells_of_a_recording_whose_file_is_gone_and_touches_nothing(self) -> None:
        meeting = a_meeting()
        gone, there = a_recording(meeting), a_recording(meeting)
        default_storage.delete(audio_of(gone))
        text, status = self.run()
        assert f"missing: the file {audio_of(gone)} of recording {gone.pk} is not in the storage" in text
        assert audio_of(there) not in text
        assert status == 1
        assert Recording.objects.count() == 2

    @pytest.mark.parametrize("hours", ["0.5", "0", "-1", "nan"])
    def test_refuses_an_age_at_which_a_row_may_still_come(self, hours: str) -> None:
        with pytest.raises(CommandError, match="at least 1 hour"):
            call_command("sweep", f"--min-age={hours}")


def test_the_dispatcher_goes_on_when_the_storage_or_the_database_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for error in OSError("the disk is away"), DatabaseError("the database is away"):
        monkeypatch.setattr(sweep, "sweep", lambda *_, error=error: (_ for _ in ()).throw(error))
        sweep._in_background()
        assert str(error) in caplog.text
