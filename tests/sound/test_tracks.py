"""What is in a file lies at its place in time, and every track of it is heard."""

import io
import struct

import pytest

from tests.sound.made import LIMIT_MS, Part, TrackOf, container_of, heard
from transcription.sound.audio import Decoded, decode
from transcription.sound.formats import AudioError

LOUD, SILENT = 0.05, 0.005


def decoded(data: bytes, longest_ms: int = LIMIT_MS) -> tuple[Decoded, list[float]]:
    """Return what decoding found, and how loud each half second is."""
    target = io.BytesIO()
    found = decode(lambda: io.BytesIO(data), target, longest_ms)
    return found, heard(target.getvalue())


def is_loud(levels: list[float]) -> str:
    """Return a letter for each half second: # sounds, . is silent, ? is in between."""
    return "".join("#" if level > LOUD else "." if level < SILENT else "?" for level in levels)


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("matroska", "libopus", 48_000),
        ("mp4", "aac", 48_000),
        ("mpegts", "mp2", 48_000),
        ("mov", "pcm_s16le", 48_000),
    ],
)
def test_sound_that_begins_late_begins_late(form: str, codec: str, rate: int) -> None:
    late = TrackOf((Part(3.0, 2.0),), codec, rate)
    found, levels = decoded(container_of(form, late, pictures_s=5.0))
    assert found.duration_ms == pytest.approx(5000, abs=100)
    assert is_loud(levels)[:5] == "....."
    assert is_loud(levels)[6:9] == "###"
    assert not found.plain
    assert found.read_ms == found.whole_ms  # nothing is missing: nothing was there


def test_sound_alone_begins_at_once_whatever_its_first_time_is() -> None:
    found, levels = decoded(container_of("matroska", TrackOf((Part(3600.0, 2.0),))))
    assert found.duration_ms == pytest.approx(2000, abs=100)
    assert is_loud(levels)[:4] == "####"


@pytest.mark.parametrize(("form", "codec"), [("webm", "libopus"), ("mpegts", "mp2"), ("matroska", "flac")])
def test_a_pause_is_as_long_as_it_was(form: str, codec: str) -> None:
    paused = TrackOf((Part(0.0, 2.0), Part(7.0, 2.0)), codec)
    found, levels = decoded(container_of(form, paused))
    assert found.duration_ms == pytest.approx(9000, abs=100)
    assert is_loud(levels)[:3] + is_loud(levels)[5:13] + is_loud(levels)[15:17] == "###" + "........" + "##"
    assert not found.plain


def test_times_that_jump_back_lose_no_sound() -> None:
    """Two transport streams, one behind the other, as cameras and `cat` make them."""
    one = container_of("mpegts", TrackOf((Part(0.0, 3.0),), "mp2"))
    found, levels = decoded(one + one)
    assert found.duration_ms == pytest.approx(6000, abs=150)
    assert is_loud(levels)[:11] == "#" * 11


def test_a_jump_of_hours_in_a_stream_is_a_seam_and_no_pause() -> None:
    jumps = TrackOf((Part(0.0, 2.0), Part(20_000.0, 2.0)), "mp2")
    found, _levels = decoded(container_of("mpegts", jumps))
    assert found.duration_ms == pytest.approx(4000, abs=150)


def test_all_tracks_are_heard() -> None:
    silent = TrackOf((Part(0.0, 6.0, (0.0,)),))
    first = TrackOf((Part(0.0, 2.0),))
    second = TrackOf((Part(4.0, 2.0, hertz=700.0),), rate=24_000)
    found, levels = decoded(container_of("matroska", silent, first, second))
    assert found.duration_ms == pytest.approx(6000, abs=100)
    assert is_loud(levels)[:3] + is_loud(levels)[5:7] + is_loud(levels)[9:11] == "###" + ".." + "##"
    assert not found.plain


def test_tracks_that_are_copies_are_no_louder_than_one() -> None:
    track = TrackOf((Part(0.0, 2.0),))
    _, alone = decoded(container_of("matroska", track))
    _, twice = decoded(container_of("matroska", track, track))
    assert twice[1:3] == pytest.approx(alone[1:3], rel=0.05)


def test_the_limit_holds_for_silence_too() -> None:
    late = container_of("matroska", TrackOf((Part(3.0, 2.0),)), pictures_s=5.0)
    with pytest.raises(AudioError) as caught:
        decoded(late, 2000)
    assert caught.value.code == "too_long"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_number_that_is_none_spoils_only_its_moment(value: float) -> None:
    data = bytearray(
        container_of("wav", TrackOf((Part(0.0, 3.0, (0.25, 0.25)),), "pcm_f32le", layout="stereo"))
    )
    at = data.index(b"data") + 8 + 48_000 * 8  # at 1 s
    data[at : at + 4] = struct.pack("<f", value)
    _found, levels = decoded(bytes(data))
    assert is_loud(levels[:2] + levels[3:6]) == "#####"
    assert levels[4] == pytest.approx(levels[0], rel=0.05)


def test_damage_in_the_middle_is_silence_and_is_counted() -> None:
    data = bytearray(container_of("matroska", TrackOf((Part(0.0, 6.0),), "flac")))
    at = len(data) // 2
    data[at : at + len(data) // 6] = bytes(len(data) // 6)
    found, levels = decoded(bytes(data))
    assert found.duration_ms == pytest.approx(6000, abs=100)  # what lies behind it stays in its place
    assert is_loud(levels)[-2] == "#"
    assert 700 < found.whole_ms - found.read_ms < 2500  # a reader loses what is left of a cluster, too
    assert found.is_partial
    assert not found.plain
