"""What the Xing header of an MP3 file says about its size."""

import io

import pytest

from tests.sound.made import tone
from transcription.sound import mp3

WHOLE = tone("libmp3lame", "mp3", 2.0, 44_100)


def missing(data: bytes) -> float:
    return mp3.missing_part(io.BytesIO(data))


def test_a_whole_file_misses_nothing() -> None:
    assert missing(WHOLE) == 0


def test_of_a_quarter_three_times_as_much_is_missing() -> None:
    assert missing(WHOLE[: len(WHOLE) // 4]) == pytest.approx(3, rel=0.05)


def test_a_tag_in_front_does_not_count() -> None:
    tag = b"ID3\x04\0\0" + bytes([0, 1, 0, 0]) + bytes(1 << 14)
    bare = WHOLE[len(WHOLE) - len(WHOLE[WHOLE.index(b"\xff\xfb") :]) :]
    assert missing(tag + bare) == 0
    assert missing(tag + bare[: len(bare) // 2]) == pytest.approx(1, rel=0.05)


def test_sound_that_was_added_is_not_missing() -> None:
    assert missing(WHOLE + WHOLE) == 0


@pytest.mark.parametrize("data", [b"", b"ID3", b"Xing", b"Info\0\0\0\x02", bytes(5000)])
def test_a_file_without_a_whole_header_tells_nothing(data: bytes) -> None:
    assert missing(data) == 0
