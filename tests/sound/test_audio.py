"""Untrusted audio: its format, its length, what is kept of a damaged file, and what no file can make Mico do."""

import io
import math
import random
import struct
import subprocess
import sys
from array import array
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from transcription.sound.audio import SAMPLE_RATE, AudioError, AudioInfo, Decoded, measure, probe, transcode

ROOT = Path(__file__).parents[2]
LIMIT_MS = 4 * 3600 * 1000


def tone(
    codec: str = "pcm_s16le",
    container: str = "wav",
    seconds: float = 2.0,
    rate: int = 48_000,
    layout: str = "mono",
    live: bool = False,
) -> bytes:
    """Return a file with a tone of 440 Hz. With `live`, it has no duration and no index, as from MediaRecorder."""
    out = io.BytesIO()
    options = {"live": "1"} if live else {}
    with av.open(out, "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        channels = len(av.AudioLayout(layout).channels)
        left, at = round(seconds * rate), 0
        while left:
            count = min(left, 4096)
            samples = (int(8000 * math.sin(2 * math.pi * 440 * (at + i) / rate)) for i in range(count))
            packed = array("h", (value for value in samples for _ in range(channels))).tobytes()
            frame = AudioFrame(format="s16", layout=layout, samples=count)
            frame.sample_rate, frame.pts = rate, at
            frame.planes[0].update(packed.ljust(frame.planes[0].buffer_size, b"\0"))
            file.mux(stream.encode(frame))
            left, at = left - count, at + count
        file.mux(stream.encode(None))
    return out.getvalue()


def video() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    return out.getvalue()


class SilentWav(io.BytesIO):
    """A WAV of any length, 16 kHz mono, made while it is read. Its header may promise another size in bytes."""

    def __init__(self, seconds: int, promised_bytes: int | None = None) -> None:
        super().__init__()
        size = seconds * 32_000
        promised = size if promised_bytes is None else promised_bytes
        riff = min(promised + 36, 0xFFFFFFFF)
        form = (b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16, b"data", promised)
        self.head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, *form)
        self.size = len(self.head) + size
        self.at = 0

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def read(self, n: int | None = -1) -> bytes:
        count = min(n or 0, self.size - self.at)
        start, self.at = self.at, self.at + count
        return self.head[start : start + count].ljust(count, b"\0")


class Sink(io.BytesIO):
    """A file that keeps only its position and drops what is written."""

    def write(self, data: object) -> int:
        count = len(bytes(data))  # type: ignore[call-overload]
        self.seek(count, io.SEEK_CUR)
        return int(count)


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
    assert not decoded.truncated
    flac = probe(target)
    assert (flac.format, flac.codec, flac.sample_rate, flac.channels) == ("flac", "flac", SAMPLE_RATE, 1)
    assert flac.duration_ms == pytest.approx(decoded.duration_ms, abs=2)
    assert measure(source, LIMIT_MS) == decoded


def test_amr_is_recognised() -> None:
    speech = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100  # 100 frames of 20 ms
    assert probe(io.BytesIO(speech)).format == "amr"
    assert measure(io.BytesIO(speech), LIMIT_MS) == Decoded(2000, truncated=False)


def test_a_live_recording_tells_no_duration_and_is_measured() -> None:
    file = io.BytesIO(tone("libopus", "webm", live=True))
    assert probe(file).duration_ms is None
    assert measure(file, LIMIT_MS) == Decoded(2000, truncated=False)


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
    assert transcode(SilentWav(3), Sink(), LIMIT_MS) == Decoded(3000, truncated=False)


def test_files_are_read_from_their_beginning_and_left_open() -> None:
    source, target = io.BytesIO(tone()), io.BytesIO()
    source.seek(0, io.SEEK_END)
    transcode(source, target, LIMIT_MS)
    assert (source.closed, target.closed) == (False, False)


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_whose_header_does_not_know_its_length_is_measured(promised: int) -> None:
    assert measure(SilentWav(2, promised), LIMIT_MS).duration_ms == 2000


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
    assert code_of(tone("aac", "mp4")[:8000]) == "unreadable"  # the index at its end is missing
    assert code_of(tone("libopus", "webm")[:60]) == "unreadable"


def test_a_file_in_which_nothing_decodes() -> None:
    data = tone("flac", "flac", rate=16_000)
    broken = data[:200] + b"\0" * (len(data) - 200)
    with pytest.raises(AudioError) as caught:
        transcode(io.BytesIO(broken), io.BytesIO(), LIMIT_MS)
    assert caught.value.code == "empty_audio"


def test_the_limit_is_kept_whatever_the_header_says() -> None:
    live = tone("libopus", "webm", live=True)
    for decode in (lambda f, ms: transcode(f, io.BytesIO(), ms), measure):
        assert decode(io.BytesIO(live), 2000).duration_ms == 2000
        with pytest.raises(AudioError) as caught:
            decode(io.BytesIO(live), 1999)
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
    assert measure(io.BytesIO(whole), LIMIT_MS).truncated is False
    assert measure(io.BytesIO(whole[: len(whole) // 2]), LIMIT_MS).truncated is True


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
    assert codes <= {"not_audio", "no_audio_track", "unreadable", "empty_audio", "too_long"}


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
from tests.sound.test_audio import LIMIT_MS, SilentWav, Sink
from transcription.sound.audio import transcode
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
