"""Untrusted audio: its format, its length, what is kept of a damaged file, and what no file can make Mico do."""

import io
import random
import struct
import subprocess
import sys
from array import array
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

import av
import pytest

from tests.sound.made import LIMIT_MS, Part, SilentWav, TrackOf, container_of, heard, tone, video
from transcription.sound.audio import Decoded, decode
from transcription.sound.formats import AudioError, AudioInfo, probe
from transcription.sound.tracks import SAMPLE_RATE

ROOT = Path(__file__).parents[2]


class Sink(io.BytesIO):
    """A file that keeps only its position and drops what is written."""

    def write(self, data: object) -> int:
        count = len(bytes(data))  # type: ignore[call-overload]
        self.seek(count, io.SEEK_CUR)
        return int(count)


def transcode(source: BinaryIO, target: BinaryIO | None, longest_ms: int) -> Decoded:
    return decode(lambda: cast(BinaryIO, Again(source)), target, longest_ms)


def measure(source: BinaryIO, longest_ms: int) -> Decoded:
    return transcode(source, None, longest_ms)


class Again(io.RawIOBase):
    """A file that is used for several openings, one after the other: closing it closes nothing."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def code_of(data: bytes) -> str:
    with pytest.raises(AudioError) as caught:
        probe(io.BytesIO(data))
    return caught.value.code


# What a file is


@pytest.mark.parametrize(
    ("codec", "container", "rate", "layout", "expected"),
    [
        ("pcm_s16le", "wav", 16_000, "stereo", AudioInfo("wav", "pcm_s16le", 2000, 16_000, 2)),
        ("libmp3lame", "mp3", 44_100, "mono", AudioInfo("mp3", "mp3", 2000, 44_100, 1)),
        ("flac", "flac", 16_000, "mono", AudioInfo("flac", "flac", 2000, 16_000, 1)),
        ("aac", "mp4", 44_100, "stereo", AudioInfo("mp4", "aac", 2000, 44_100, 2)),
        ("aac", "ipod", 44_100, "mono", AudioInfo("mp4", "aac", 2000, 44_100, 1)),
        ("aac", "mov", 44_100, "mono", AudioInfo("mov", "aac", 2000, 44_100, 1)),
        ("aac", "3gp", 44_100, "mono", AudioInfo("3gp", "aac", 2000, 44_100, 1)),
        ("aac", "adts", 44_100, "mono", AudioInfo("aac", "aac", None, 44_100, 1)),
        ("libopus", "webm", 48_000, "mono", AudioInfo("webm", "opus", 2008, 48_000, 1)),
        ("libopus", "ogg", 48_000, "mono", AudioInfo("ogg", "opus", 2006, 48_000, 1)),
        ("pcm_s16be", "aiff", 44_100, "mono", AudioInfo("aiff", "pcm_s16be", 2000, 44_100, 1)),
        ("ac3", "matroska", 48_000, "5.1", AudioInfo("webm", "ac3", 2016, 48_000, 6)),
    ],
)
def test_a_format_is_recognised_and_becomes_flac(
    codec: str, container: str, rate: int, layout: str, expected: AudioInfo
) -> None:
    source, target = io.BytesIO(tone(codec, container, 2.0, rate, layout)), io.BytesIO()
    assert probe(source) == expected
    decoded = transcode(source, target, LIMIT_MS)
    assert decoded.duration_ms == pytest.approx(2000, abs=50)
    assert not decoded.is_partial
    flac = probe(target)
    assert (flac.format, flac.codec, flac.sample_rate, flac.channels) == ("flac", "flac", SAMPLE_RATE, 1)
    assert flac.duration_ms == pytest.approx(decoded.duration_ms, abs=2)
    assert measure(source, LIMIT_MS) == decoded


def test_amr_is_recognised() -> None:
    speech = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100  # 100 frames of 20 ms
    assert probe(io.BytesIO(speech)).format == "amr"
    assert measure(io.BytesIO(speech), LIMIT_MS) == Decoded("amr_nb", 2000, 2000, 2000, plain=True)


def test_a_live_recording_tells_no_duration_and_is_measured() -> None:
    file = io.BytesIO(tone("libopus", "webm", live=True))
    assert probe(file).duration_ms is None
    assert measure(file, LIMIT_MS) == Decoded("opus", 2000, 2000, 2000, plain=False)


def test_the_sound_survives() -> None:
    target = io.BytesIO()
    transcode(io.BytesIO(tone("libopus", "webm", layout="stereo")), target, LIMIT_MS)
    target.seek(0)
    with av.open(target, "r") as file:
        frames = [bytes(frame.planes[0])[: frame.samples * 2] for frame in file.decode(audio=0)]
    samples = array("h", b"".join(frames))
    crossings = sum(a < 0 <= b for a, b in pairwise(samples))
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=20)
    assert crossings == pytest.approx(2 * 440, abs=4)
    assert 7000 < max(samples) < 9000


def test_silence_is_no_error() -> None:
    assert transcode(SilentWav(3), Sink(), LIMIT_MS) == Decoded("pcm_s16le", 3000, 3000, 3000, plain=True)


def test_titles_in_an_old_encoding_do_no_harm() -> None:
    data = tone()
    at = data.index(b"data")
    title = b"LIST" + struct.pack("<I", 16) + b"INFOINAM" + struct.pack("<I", 4) + b"\xe9\xe8\xff\x00"
    assert probe(io.BytesIO(data[:at] + title + data[at:])).duration_ms == 2000


# What cannot be used


def test_an_empty_file_and_a_video_without_sound_have_codes_of_their_own() -> None:
    assert code_of(b"") == "empty"
    assert code_of(video()) == "no_audio_track"


@pytest.mark.parametrize(
    "head", [b"Minutes of the meeting\n", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4 ", b"PK\3\4", b"\0"]
)
def test_what_is_not_audio(head: bytes) -> None:
    assert code_of(head) == "not_audio"
    assert code_of(head + bytes(500)) == "not_audio"


def test_a_file_that_is_damaged_from_the_beginning() -> None:
    assert code_of(tone("flac", "flac")[:30]) == "unreadable"
    assert code_of(tone("libopus", "webm")[:60]) == "unreadable"


def test_a_recording_whose_program_died_is_told_as_that() -> None:
    assert code_of(tone("aac", "mp4")[:8000]) == "unfinished"  # the index at its end is missing
    moov = tone("aac", "mp4").index(b"moov")
    assert code_of(tone("aac", "mp4")[: moov + 40]) == "unreadable"  # the index is there, and damaged


def test_a_file_in_which_nothing_decodes_is_damaged() -> None:
    data = tone("flac", "flac", rate=16_000)
    broken = data[:200] + b"\0" * (len(data) - 200)
    with pytest.raises(AudioError) as caught:
        transcode(io.BytesIO(broken), io.BytesIO(), LIMIT_MS)
    assert caught.value.code == "unreadable"


def test_the_limit_is_kept_whatever_the_header_says() -> None:
    live = tone("libopus", "webm", live=True)
    for use in (lambda f, ms: transcode(f, io.BytesIO(), ms), measure):
        assert use(io.BytesIO(live), 2000).duration_ms == 2000
        with pytest.raises(AudioError) as caught:
            use(io.BytesIO(live), 1999)
        assert caught.value.code == "too_long"


# What is kept of a broken file


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("libopus", "webm", 48_000),
        ("libopus", "ogg", 48_000),
        ("libmp3lame", "mp3", 44_100),
        ("flac", "flac", 16_000),
        ("aac", "adts", 44_100),
    ],
)
def test_the_first_half_of_a_file_is_kept(codec: str, container: str, rate: int) -> None:
    data = tone(codec, container, 4.0, rate)
    half, target = io.BytesIO(data[: len(data) // 2]), io.BytesIO()
    decoded = transcode(half, target, LIMIT_MS)
    assert 1200 < decoded.duration_ms < 2200
    assert probe(target).duration_ms == pytest.approx(decoded.duration_ms, abs=2)


def test_a_file_shorter_than_its_header_promises_is_reported() -> None:
    whole = tone("libopus", "webm", 4.0)
    assert not measure(io.BytesIO(whole), LIMIT_MS).is_partial
    half = measure(io.BytesIO(whole[: len(whole) // 2]), LIMIT_MS)
    assert half.is_partial
    assert half.read_ms == half.duration_ms == pytest.approx(2000, abs=300)
    assert half.whole_ms == pytest.approx(4000, abs=50)


def test_a_film_that_goes_on_without_sound_is_whole() -> None:
    film = container_of("matroska", TrackOf((Part(0.0, 2.0),)), pictures_s=6.0)
    assert not measure(io.BytesIO(film), LIMIT_MS).is_partial


@pytest.mark.parametrize("size", [3200, 0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_is_read_to_its_end_whatever_its_header_says(size: int) -> None:
    decoded = measure(SilentWav(2, size), LIMIT_MS)
    assert (decoded.duration_ms, decoded.is_partial) == (2000, False)


def test_a_wav_that_was_cut_off_says_how_long_it_was() -> None:
    decoded = measure(SilentWav(2, 10 * 32_000), LIMIT_MS)
    assert (decoded.read_ms, decoded.whole_ms, decoded.plain) == (2000, 10_000, False)


def mp3_with_header(frames: int | None, size: int | None) -> bytes:
    """Return 2 s of MP3 whose Xing header has been changed."""
    data = bytearray(tone("libmp3lame", "mp3", 2.0, 44_100))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    if frames is not None:
        data[at + 8 : at + 12] = frames.to_bytes(4)
    if size is not None:
        data[at + 12 : at + 16] = size.to_bytes(4)
    return bytes(data)


@pytest.mark.parametrize("frames", [10, 1_000_000])
def test_the_length_in_a_header_is_not_believed(frames: int) -> None:
    """As editors and joiners leave it in MP3 files."""
    decoded = measure(io.BytesIO(mp3_with_header(frames, None)), LIMIT_MS)
    assert decoded.duration_ms == pytest.approx(2000, abs=50)
    assert not decoded.plain  # others would believe it, so the vendor gets another file
    assert not decoded.is_partial


def test_an_mp3_that_was_cut_off_says_how_long_it_was() -> None:
    whole = mp3_with_header(None, None)
    decoded = measure(io.BytesIO(whole[: len(whole) // 4]), LIMIT_MS)
    assert decoded.is_partial
    assert decoded.whole_ms == pytest.approx(2000, abs=200)


def test_a_file_whose_rate_and_channels_change_is_decoded_to_its_end() -> None:
    joined = tone("libmp3lame", "mp3", 2.0, 44_100) + tone("libmp3lame", "mp3", 2.0, 24_000, "stereo")
    target = io.BytesIO()
    decoded = transcode(io.BytesIO(joined), target, LIMIT_MS)
    assert decoded.duration_ms == pytest.approx(4000, abs=150)
    assert not decoded.plain
    assert min(heard(target.getvalue())[:-1]) > 0.05


def test_opposite_phases_are_heard() -> None:
    opposite = TrackOf((Part(0.0, 2.0, (0.25, -0.25)),), "flac", layout="stereo")
    target = io.BytesIO()
    decoded = transcode(io.BytesIO(container_of("flac", opposite)), target, LIMIT_MS)
    assert min(heard(target.getvalue())[:3]) > 0.1
    assert not decoded.plain  # the mean that a vendor would take is silent


def test_sound_behind_a_damaged_spot_is_kept() -> None:
    data = bytearray(tone("libmp3lame", "mp3", 4.0, 44_100))
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xaa" * 2000
    decoded = measure(io.BytesIO(data), LIMIT_MS)
    assert 3400 < decoded.duration_ms <= 4000


def test_random_damage_ends_in_a_result_or_in_a_named_error() -> None:
    dice = random.Random(1)
    files = [tone("libopus", "webm", 0.5), tone("aac", "mp4", 0.5), tone("libmp3lame", "mp3", 0.5, 44_100)]
    results, codes = 0, set[str]()
    for turn in range(150):
        data = bytearray(files[turn % len(files)])
        for _ in range(dice.choice([1, 20, 300])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            results += transcode(io.BytesIO(data), io.BytesIO(), LIMIT_MS).duration_ms > 0
        except AudioError as error:
            codes.add(error.code)
    assert results > 30
    assert codes <= {"not_audio", "no_audio_track", "unreadable", "unfinished", "empty_audio", "too_long"}


# What a file cannot do


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "ffconcat version 1.0\nfile {name}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "[playlist]\nFile1={path}\n",
        '<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>{path}</BaseURL></AdaptationSet></Period></MPD>',
    ],
)
def test_a_playlist_cannot_make_us_read_another_file(
    playlist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(tone())
    monkeypatch.chdir(tmp_path)
    data = playlist.format(path=secret, name=secret.name).encode()
    for use in (probe, lambda file: measure(file, LIMIT_MS)):
        with pytest.raises(AudioError) as caught:
            use(io.BytesIO(data))
        assert caught.value.code == "not_audio"


HOUR = """
import resource
from tests.sound.test_audio import LIMIT_MS, SilentWav, Sink, transcode
transcode(SilentWav(1), Sink(), LIMIT_MS)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decoded = transcode(SilentWav(3600), Sink(), LIMIT_MS)
print(decoded.duration_ms, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / before)
"""


def test_an_hour_takes_no_more_memory_than_a_second() -> None:
    """Run in a process of its own, whose peak of memory no other test has raised."""
    run = subprocess.run([sys.executable, "-c", HOUR], capture_output=True, text=True, check=True, cwd=ROOT)
    duration_ms, growth = run.stdout.split()
    assert duration_ms == "3600000"
    assert float(growth) < 1.2  # the file has 115 MB, the process about 60


# Trouble of our own


def test_storage_that_cannot_be_read_is_not_the_files_fault() -> None:
    class Broken(io.BytesIO):
        def read(self, n: int | None = -1) -> bytes:
            if self.tell() > 100_000:
                raise OSError("the disk is gone")
            return super().read(n)

    data = tone(seconds=3)
    with pytest.raises(OSError, match="the disk is gone"):
        measure(Broken(data), LIMIT_MS)
    with pytest.raises(OSError, match="the disk is gone"):
        transcode(Broken(data), io.BytesIO(), LIMIT_MS)


def test_storage_that_cannot_be_written_is_not_the_files_fault() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            if self.tell() > 10_000:
                raise OSError("no space left")
            return super().write(data)  # type: ignore[arg-type]

    with pytest.raises(OSError, match="no space left"):
        transcode(io.BytesIO(tone(seconds=5)), Full(), LIMIT_MS)
