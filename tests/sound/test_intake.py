"""Which audio is accepted. A refusal has one clear sentence and the right code, and keeps nothing."""

import io
import uuid
import wave
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone, translation
from pytest_django import Settings

from tests.stt import AUDIO, a_meeting, row_of
from transcription.models import Meeting, Recording, Transcription
from transcription.people import meetings
from transcription.sound import intake, riff

pytestmark = pytest.mark.django_db

SPEECH = (AUDIO / "speech_slt_1.wav").read_bytes()


def receive(
    meeting: Meeting, content: bytes = SPEECH, name: str = "speech.wav", **fields: object
) -> tuple[Recording, bool]:
    return intake.receive(
        meeting=meeting,
        participant=meeting.participants.get(),
        upload=SimpleUploadedFile(name, content),
        kind=str(fields.pop("kind", "upload")),
        **fields,  # type: ignore[arg-type]
    )


def a_wav(seconds: float) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * int(8000 * seconds)))
    return made.getvalue()


def a_video_without_sound() -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    return made.getvalue()


def kept_files(settings: Settings) -> list[Path]:
    return [p for p in Path(settings.MEDIA_ROOT).rglob("*") if p.is_file()]


@pytest.fixture(autouse=True)
def _own_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def test_an_upload_is_kept_and_scheduled_at_once() -> None:
    recording, new = receive(a_meeting())

    row = row_of(recording)
    assert new
    assert (recording.format, recording.duration_ms, recording.size_bytes) == ("wav", 2085, len(SPEECH))
    assert (row.status, row.vendor, row.language) == ("queued", "rtzr", "en")
    assert recording.prepared_at is not None
    with recording.audio.open() as stored:
        assert stored.read() == SPEECH


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"hello, this is not audio at all" * 50, "not_audio"),
        (SPEECH[:20], "unreadable"),
        (a_video_without_sound(), "no_audio_track"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", "not_audio"),
    ],
    ids=["empty", "text", "truncated", "video without sound", "playlist"],
)
def test_what_is_not_sound_is_refused_and_nothing_is_kept(
    content: bytes, code: str, settings: Settings
) -> None:
    meeting = a_meeting()

    with pytest.raises(intake.UploadRefused) as refused:
        receive(meeting, content)

    assert refused.value.code == code
    assert str(refused.value.message).endswith(".")
    assert Recording.objects.count() == Transcription.objects.count() == 0
    assert kept_files(settings) == []


def test_too_long_and_too_large_are_refused(settings: Settings) -> None:
    meeting = a_meeting()
    settings.MAX_AUDIO_SECONDS = 2
    with pytest.raises(intake.UploadRefused) as refused:
        receive(meeting, a_wav(3))
    assert refused.value.code == "too_long"

    sound = a_wav(1)
    settings.MAX_UPLOAD_BYTES = len(sound) - 1
    with pytest.raises(intake.UploadRefused) as refused:
        receive(meeting, sound)
    assert refused.value.code == "too_large"

    settings.MAX_UPLOAD_BYTES = len(sound)  # the largest that is allowed
    recording, _ = receive(meeting, sound)
    assert recording.size_bytes == len(sound)


@pytest.mark.parametrize("kind", ["live", "upload"])
def test_a_language_that_the_vendor_does_not_have_is_refused_and_nothing_is_kept(
    vendor_knows: Callable[..., None], settings: Settings, kind: str
) -> None:
    meeting, client_id = a_meeting(language="ko"), uuid.uuid4()
    before, _ = receive(meeting, kind=kind, client_id=client_id)
    vendor_knows("en")

    with pytest.raises(intake.UploadRefused) as refused:
        receive(meeting, kind=kind)

    assert refused.value.code == "language_unsupported"
    assert str(refused.value.message) == (
        "The speech service cannot transcribe this language: Korean."
        " The owner of the meeting can choose another language."
    )
    assert Recording.objects.get() == before
    assert len(kept_files(settings)) == 1
    assert receive(meeting, kind=kind, client_id=client_id) == (
        before,
        False,
    )  # what is here already is not refused
    meetings.set_language(meeting, "en")
    meeting.refresh_from_db()
    assert row_of(receive(meeting, kind=kind)[0]).language == "en"


def test_silence_is_taken_since_nobody_can_know_before_listening() -> None:
    _, new = receive(a_meeting(), a_wav(1))
    assert new


def test_the_same_client_id_twice_is_one_recording(settings: Settings) -> None:
    meeting, client_id = a_meeting(), uuid.uuid4()
    first, new = receive(meeting, client_id=client_id)
    again, new_again = receive(meeting, b"whatever comes now", client_id=client_id)

    assert (new, new_again) == (True, False)
    assert first.pk == again.pk
    assert len(kept_files(settings)) == 1


def test_the_same_client_id_in_another_meeting_is_another_recording() -> None:
    client_id = uuid.uuid4()
    first, _ = receive(a_meeting("one"), client_id=client_id)
    second, new = receive(a_meeting("two"), client_id=client_id)
    assert new
    assert first.pk != second.pk


def test_two_senders_of_one_client_id_at_the_same_moment_make_one_recording(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, client_id = a_meeting(), uuid.uuid4()
    plain = riff.plain

    def meanwhile(file: io.BytesIO) -> object:
        monkeypatch.setattr(riff, "plain", plain)
        receive(meeting, client_id=client_id)  # another request, between our check and our write
        return plain(file)

    monkeypatch.setattr(riff, "plain", meanwhile)
    recording, new = receive(meeting, client_id=client_id)

    assert not new
    assert Recording.objects.get() == recording
    assert len(kept_files(settings)) == 1


def test_a_database_that_refuses_for_another_reason_is_not_taken_for_a_repeat(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError("some other rule")

    monkeypatch.setattr(Recording, "save", refuse)
    with pytest.raises(IntegrityError):
        receive(a_meeting())
    assert kept_files(settings) == []


def test_a_database_that_does_not_answer_leaves_no_file_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Recording, "save", busy)
    with pytest.raises(OperationalError):
        receive(a_meeting())
    assert kept_files(settings) == []


def test_a_commit_that_nobody_knows_the_outcome_of_keeps_the_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BreaksOff(transaction.Atomic):
        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)
            raise OperationalError("the connection was lost")

    meeting = a_meeting()
    monkeypatch.setattr(transaction, "atomic", lambda: BreaksOff(None, True, False))
    with pytest.raises(OperationalError):
        receive(meeting)
    monkeypatch.undo()
    with Recording.objects.get().audio.open() as kept:
        assert kept.read() == SPEECH


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("talk.wav", "talk.wav"),
        ("../../etc/passwd.wav", "passwd.wav"),
        ("C:\\Users\\x\\회의.wav", "회의.wav"),
        ("a\x00b\nc\u202egnp.wav", "abcgnp.wav"),
        ("x" * 300 + ".wav", "x" * 255),
        ("", ""),
    ],
)
def test_names_are_shown_without_paths_and_control_characters(name: str, shown: str) -> None:
    assert intake.clean_name(name) == shown


def test_the_name_of_an_upload_never_decides_where_it_is_kept(settings: Settings) -> None:
    recording, _ = receive(a_meeting(), name="../../../evil.wav")
    (file,) = kept_files(settings)
    assert "evil" not in file.name
    assert file.is_relative_to(settings.MEDIA_ROOT)
    assert recording.name == "evil.wav"


@pytest.mark.parametrize("offset", [-1, intake.LATEST_OFFSET_MS + 1])
def test_an_offset_out_of_reason_is_refused(offset: int) -> None:
    with pytest.raises(intake.UploadRefused) as refused:
        receive(a_meeting(), offset_ms=offset)
    assert refused.value.code == "bad_offset"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(intake.UploadRefused) as refused:
        receive(a_meeting(), kind="video")
    assert refused.value.code == "bad_kind"


def test_files_follow_each_other_and_live_speech_ends_now() -> None:
    meeting = a_meeting()
    first, _ = receive(meeting)
    second, _ = receive(meeting)
    live, _ = receive(meeting, kind="live")
    given, _ = receive(meeting, kind="live", offset_ms=1234)

    assert (first.offset_ms, second.offset_ms) == (0, 2085)
    assert live.offset_ms == 0  # it began before the meeting was created
    assert given.offset_ms == 1234


def test_a_refusal_is_said_in_the_language_of_who_asks() -> None:
    with pytest.raises(intake.UploadRefused) as refused:
        receive(a_meeting(), b"")
    english = str(refused.value.message)
    with translation.override("ko"):
        assert str(refused.value.message) != english


class TestAfterTheEnd:
    """An ended meeting takes what was said before its end, however late it arrives, and nothing else."""

    @pytest.fixture
    def ended(self) -> Meeting:
        """A meeting that began an hour ago and ended after 30 minutes."""
        meeting = a_meeting()
        meeting.created_at = timezone.now() - timedelta(hours=1)
        meeting.ended_at = meeting.created_at + timedelta(minutes=30)
        meeting.save()
        return meeting

    @pytest.mark.parametrize("offset_ms", [0, 29 * 60_000, 30 * 60_000 + intake.HEARD_OF_THE_END_MS])
    def test_what_began_before_it_is_taken(self, ended: Meeting, offset_ms: int) -> None:
        recording, created = receive(ended, kind="live", offset_ms=offset_ms)
        assert (recording.offset_ms, created) == (offset_ms, True)

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "live", "offset_ms": 30 * 60_000 + intake.HEARD_OF_THE_END_MS + 1},
            {"kind": "live"},  # taken to end now, so it began after the end
            {"kind": "upload"},
            {"kind": "upload", "offset_ms": 0},  # a place in the meeting, not a time of recording
        ],
    )
    def test_what_is_new_is_not(self, ended: Meeting, fields: dict[str, object]) -> None:
        with pytest.raises(intake.UploadRefused) as refused:
            receive(ended, **fields)  # type: ignore[arg-type]
        assert refused.value.code == "meeting_ended"
        assert not Recording.objects.exists()

    def test_what_is_here_already_is_answered_as_ever(self, ended: Meeting) -> None:
        client_id = uuid.uuid4()
        first, _ = receive(ended, kind="live", offset_ms=0, client_id=client_id)
        meetings.end(ended)
        assert receive(ended, kind="live", offset_ms=10**9, client_id=client_id) == (first, False)

    def test_reopened_it_takes_everything_again(self, ended: Meeting) -> None:
        meetings.reopen(ended)
        assert receive(ended)[1]
