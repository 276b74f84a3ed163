"""The sizes in a WAV file, true and not."""

import io
import struct

import pytest

from transcription.sound import riff

RATE = 16_000


def wav(
    seconds: float = 2.0,
    *,
    size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    channels: int = 1,
    form: int = 1,
) -> io.BytesIO:
    """Return a WAV file of silence, whose header may say another size, with chunks before and after the sound."""
    data = bytes(round(seconds * RATE) * 2 * channels)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, form, channels, RATE, RATE * 2 * channels, 2 * channels, 16)
    size = len(data) if size is None else size
    body = head + before + struct.pack("<4sI", b"data", size) + data + after
    return io.BytesIO(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def test_a_plain_file_says_all_about_itself() -> None:
    assert riff.plain(wav(2.5)) == riff.Plain(RATE, "pcm_s16le", 2500)


@pytest.mark.parametrize(
    "file",
    [
        wav(size=3200),  # the header is stale
        wav(size=999_999),  # cut off
        wav(size=0),
        wav(size=0xFFFFFFFF),
        wav(channels=2),  # two channels may cancel each other
        wav(form=3),  # floating point
        wav(before=chunk(b"LIST", b"INFO")),
        io.BytesIO(b"RIFF"),
        io.BytesIO(b"OggS" + bytes(100)),
        io.BytesIO(),
    ],
    ids=[
        "stale",
        "cut",
        "empty",
        "unknown",
        "stereo",
        "float",
        "more chunks",
        "four bytes",
        "ogg",
        "nothing",
    ],
)
def test_any_other_file_is_not_plain(file: io.BytesIO) -> None:
    assert riff.plain(file) is None


def test_sound_behind_the_end_that_the_header_gives_is_noticed() -> None:
    assert riff.is_stale(wav(size=3200))


@pytest.mark.parametrize(
    "file",
    [
        wav(),
        wav(after=chunk(b"LIST", b"INFOINAM\x02\0\0\0a\0")),
        wav(after=chunk(b"LIST", b"odd")),
        wav(size=999_999),
        wav(size=0xFFFFFFFF),  # FFmpeg reads these to the end by itself
    ],
    ids=["whole", "a title behind it", "padded", "cut off", "unknown"],
)
def test_chunks_behind_the_sound_are_no_sound(file: io.BytesIO) -> None:
    assert not riff.is_stale(file)


def test_what_was_cut_off_is_known_in_ms() -> None:
    assert riff.missing_ms(wav(2.0, size=10 * RATE * 2)) == 8000
    assert riff.missing_ms(wav(2.0)) == 0
    assert riff.missing_ms(wav(2.0, size=0xFFFFFFFF)) == 0
    assert riff.missing_ms(wav(2.0, size=0x7FFFFFFF)) == 0
