"""Sound files made by script, and what is in them."""

import io
import math
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Part:
    """A tone from `at` on, in s. `volumes` has one factor for each channel; a negative one is mirrored."""

    at: float
    seconds: float
    volumes: tuple[float, ...] = (0.25,)
    hertz: float = 440.0


@dataclass(frozen=True)
class TrackOf:
    """A track of an audio file. Between its parts it has no packets."""

    parts: tuple[Part, ...]
    codec: str = "libopus"
    rate: int = 48_000
    layout: str = "mono"


def container_of(form: str, *tracks: TrackOf, pictures_s: float = 0.0) -> bytes:
    """Return a file with these tracks, and `pictures_s` seconds of a film that begins at 0."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as file:
        streams = [_stream(file, track) for track in tracks]
        film = (
            file.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p") if pictures_s else None
        )
        packets = [
            packet for stream, track in zip(streams, tracks, strict=True) for packet in _coded(stream, track)
        ]
        if film is not None:
            frames = [av.VideoFrame(64, 64, "yuv420p") for _ in range(round(pictures_s * 25))]
            packets += [packet for frame in frames for packet in film.encode(frame)] + film.encode(None)
        for packet in sorted(packets, key=_time):
            file.mux(packet)
    return out.getvalue()


def _time(packet: "av.Packet[Any]") -> float:
    return float((packet.dts or 0) * packet.time_base)


def _stream(file: OutputContainer, track: TrackOf) -> AudioStream:
    stream = file.add_stream(track.codec, rate=track.rate, layout=track.layout)
    assert isinstance(stream, AudioStream)
    return stream


def _coded(stream: AudioStream, track: TrackOf) -> Iterator["av.Packet[AudioStream]"]:
    stream.codec_context.open()
    size = stream.codec_context.frame_size or 1024
    for part in track.parts:
        first = round(part.at * track.rate)
        for n in range(math.ceil(part.seconds * track.rate / size)):
            yield from stream.encode(_frame(part, track, first + n * size, size, stream.format.name))
    yield from stream.encode(None)


def _frame(part: Part, track: TrackOf, at: int, size: int, form: str) -> AudioFrame:
    tone = np.sin(2 * np.pi * part.hertz * np.arange(at, at + size) / track.rate)
    volumes = np.array(
        part.volumes * (1 if len(part.volumes) > 1 else len(av.AudioLayout(track.layout).channels))
    )
    samples = (volumes[:, None] * tone).astype(np.float32)
    frame = AudioFrame.from_ndarray(samples, format="fltp", layout=track.layout)
    frame.sample_rate, frame.time_base = track.rate, Fraction(1, track.rate)
    whole: AudioFrame = av.AudioResampler(form, track.layout, track.rate).resample(frame)[0]
    whole.pts, whole.time_base = at, Fraction(1, track.rate)
    return whole


def heard(flac: bytes, step: float = 0.5) -> list[float]:
    """Return how loud each `step` seconds are: the root mean square, where 1 is full scale."""
    samples = samples_of(flac)
    length = round(step * 16_000)
    return [
        float(np.sqrt(np.mean(np.square(samples[at : at + length])))) for at in range(0, len(samples), length)
    ]


def samples_of(flac: bytes) -> NDArray[np.float32]:
    """Return the samples of a file of one channel."""
    with av.open(io.BytesIO(flac), "r") as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    return (samples / 32768).astype(np.float32)
