"""Where recordings lie in a meeting, and that files make room for each other once their lengths are known."""

import io
import wave
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from tests.sound.made import tone
from tests.sound.test_audio import mp3_with_header
from tests.stt import a_meeting
from transcription.models import Meeting, Recording, Transcription
from transcription.sound import intake, media
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db


@pytest.fixture
def meeting(settings: Settings, tmp_path: Path) -> Meeting:
    settings.MEDIA_ROOT = tmp_path
    return a_meeting()


def uploaded(meeting: Meeting, data: bytes, offset_ms: int | None = None, kind: str = "upload") -> Recording:
    recording, _ = intake.receive(
        meeting=meeting,
        participant=meeting.participants.get(),
        upload=SimpleUploadedFile("sound", data),
        kind=kind,
        offset_ms=offset_ms,
    )
    return recording


def prepared(recording: Recording) -> None:
    media.prepare(Recording.objects.get(pk=recording.pk), get_vendor("rtzr"))


def places(*recordings: Recording) -> list[tuple[int, int | None]]:
    """Return (begins, ends), in ms, of each."""
    rows = [Recording.objects.get(pk=recording.pk) for recording in recordings]
    return [(row.offset_ms, row.offset_ms + (row.duration_ms or 0)) for row in rows]


def test_files_that_follow_move_to_the_true_end_of_a_file(meeting: Meeting) -> None:
    """The header of the first says 0.26 s; it has 2 s."""
    first = uploaded(meeting, mp3_with_header(10, None))
    second, third = (uploaded(meeting, tone(seconds=3.0)) for _ in range(2))
    assert places(second)[0][0] < 300  # by the header

    prepared(first)

    (_, end), (second_begins, second_ends), (third_begins, _) = places(first, second, third)
    assert end == pytest.approx(2000, abs=60)
    assert (second_begins, third_begins) == (end, second_ends)


def test_a_header_that_says_too_much_leaves_no_hole(meeting: Meeting) -> None:
    first = uploaded(meeting, mp3_with_header(100_000, None))
    second = uploaded(meeting, tone(seconds=3.0))
    assert places(second)[0][0] > 2_000_000

    prepared(first)

    (_, end), (begins, _) = places(first, second)
    assert begins == end == pytest.approx(2000, abs=60)


def test_a_file_of_unknown_length_gets_its_room_when_it_is_decoded(meeting: Meeting) -> None:
    first = uploaded(meeting, tone("libopus", "webm", 2.0, live=True))
    second = uploaded(meeting, tone(seconds=1.0))
    assert places(first, second) == [(0, 0), (0, 1000)]

    prepared(second)
    prepared(first)

    assert places(first, second) == [(0, 2000), (2000, 3000)]


def test_what_has_a_time_of_its_own_stays_there(meeting: Meeting) -> None:
    first = uploaded(meeting, mp3_with_header(10, None))
    given = uploaded(meeting, tone(seconds=1.0), offset_ms=100)
    spoken = uploaded(meeting, tone(seconds=1.0), offset_ms=500, kind="live")

    prepared(first)

    assert [begins for begins, _ in places(given, spoken)] == [100, 500]


def test_a_meeting_of_another_file_is_left_alone(meeting: Meeting) -> None:
    other = a_meeting(username="stranger")
    elsewhere = [uploaded(other, tone(seconds=1.0)) for _ in range(2)]
    before = places(*elsewhere)
    first = uploaded(meeting, mp3_with_header(10, None))
    uploaded(meeting, tone(seconds=1.0))

    prepared(first)

    assert places(*elsewhere) == before


def test_pages_fetch_what_has_moved_again(meeting: Meeting) -> None:
    """A row whose job may be under way keeps its version: the job writes only to the version that it knows."""
    first = uploaded(meeting, mp3_with_header(10, None))
    done, waiting = (uploaded(meeting, tone(seconds=1.0)) for _ in range(2))
    Transcription.objects.filter(recording=done).update(
        status="failed", error_code="x", next_action_at=None, finished_at=done.created_at
    )

    prepared(first)

    versions = {row.recording_id: row.version for row in Transcription.objects.all()}
    assert (versions[done.pk], versions[waiting.pk]) == (2, 1)


def test_what_a_damaged_file_lacks_is_kept(meeting: Meeting) -> None:
    whole = mp3_with_header(None, None)
    recording = uploaded(meeting, whole[: len(whole) // 4])
    prepared(recording)
    kept = Recording.objects.get(pk=recording.pk)
    assert kept.read_ms == kept.duration_ms == pytest.approx(500, abs=100)
    assert kept.whole_ms == pytest.approx(2000, abs=200)

    sound = uploaded(meeting, whole)
    prepared(sound)
    kept = Recording.objects.get(pk=sound.pk)
    assert (kept.read_ms, kept.whole_ms) == (None, None)


def test_a_length_in_a_header_refuses_no_file(meeting: Meeting) -> None:
    assert uploaded(meeting, mp3_with_header(2_000_000, None)).duration_ms == pytest.approx(
        52_244_898, rel=0.01
    )


def test_a_length_that_is_sure_does(meeting: Meeting, settings: Settings) -> None:
    settings.MAX_AUDIO_SECONDS = 1
    with pytest.raises(intake.UploadRefused) as refused:
        uploaded(meeting, plain_wav(2.0))
    assert refused.value.code == "too_long"


def plain_wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(bytes(round(seconds * 16_000) * 2))
    return file.getvalue()


def test_the_pages_own_recordings_need_no_decoding(meeting: Meeting) -> None:
    assert uploaded(meeting, plain_wav(2.0)).prepared_at is not None
    assert uploaded(meeting, tone("flac", "flac")).prepared_at is None
