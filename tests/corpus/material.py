"""The speech of the corpus, and its files: each container with each codec that it takes."""

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

Samples = NDArray[np.float32]

AUDIO = Path(__file__).parents[1] / "audio"
RATE = 16_000  # Hz, of the speech

CONTAINERS = (
    *("wav", "w64", "aiff", "au", "caf", "flac", "mp3", "mp2", "ogg", "oga", "opus", "adts", "ac3", "eac3"),
    *("mp4", "ipod", "mov", "3gp", "3g2", "matroska", "webm", "asf", "avi", "flv", "mpegts", "mpeg", "vob"),
    *("amr", "wv", "tta", "voc", "oma", "rm", "wtv", "mxf"),
)
CODECS = (
    *("pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw"),
    *("adpcm_ms", "adpcm_ima_wav", "libmp3lame", "mp2", "aac", "ac3", "eac3", "flac", "alac", "libopus"),
    *("wavpack", "tta", "libopencore_amrnb"),
)
# FFmpeg gives the first ten frames of these times that are wrong.
MISREAD = frozenset({("asf", "flac"), ("wtv", "flac")})
# What FFmpeg raises for a container that does not take a codec, a rate or a number of channels.
UNWRITABLE = (OSError, ValueError, NotImplementedError, IndexError, av.FFmpegError)
# In Hz, for codecs that do not take RATE.
RATES = {"libopencore_amrnb": 8000, "libopus": 48_000, "ac3": 48_000, "eac3": 48_000}


@dataclass(frozen=True, slots=True)
class Made:
    """How a file is made. `late_s` and `gap_s` are in its times only: there are no packets in between."""

    container: str
    codec: str
    rate: int = 0  # Hz; 0: what suits the codec
    layout: str = "mono"
    # For each track, the factors by which each of its channels is multiplied.
    tracks: tuple[tuple[float, ...], ...] = ((1.0,),)
    pictures: bool = False
    late_s: float = 0.0
    gap_s: float = 0.0  # in the middle

    @property
    def name(self) -> str:
        return f"{self.container} {self.codec}"


def speech(times: int = 2) -> Samples:
    """Return about 7.5 s of read speech, repeated so many times, at RATE."""
    parts = []
    for name in ("speech_slt_1", "speech_awb_1", "speech_rms_2"):
        with wave.open(str(AUDIO / f"{name}.wav")) as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), np.int16))
    return np.tile(np.concatenate(parts) / 32768, times).astype(np.float32)


def write(made: Made, sound: Samples) -> bytes:
    """Return the file. Raises av.FFmpegError or ValueError if this container does not take this codec so."""
    out = io.BytesIO()
    with av.open(out, "w", format=made.container) as file:
        rate = made.rate or (44_100 if made.container == "flv" else RATES.get(made.codec, RATE))
        streams: list[AudioStream] = []
        for _ in made.tracks:
            stream = file.add_stream(made.codec, rate=rate, layout=made.layout)
            assert isinstance(stream, AudioStream)
            streams.append(stream)
        film = (
            file.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
            if made.pictures
            else None
        )
        packets: list[Any] = []
        for stream, volumes in zip(streams, made.tracks, strict=True):
            packets += _coded(stream, replace(made, rate=rate), volumes, sound)
        if film is not None:
            length_s = len(sound) / RATE + made.late_s + made.gap_s
            for _ in range(round(length_s * 25)):
                packets += film.encode(av.VideoFrame(64, 64, "yuv420p"))
            packets += film.encode(None)
        for packet in sorted(packets, key=_time):
            file.mux(packet)
    return out.getvalue()


def _time(packet: Any) -> float:
    # The last packet of some encoders has no time, and only what belongs into the header.
    return float("inf") if packet.dts is None else float(packet.dts * packet.time_base)


def _coded(stream: AudioStream, made: Made, volumes: tuple[float, ...], sound: Samples) -> Iterator[Any]:
    context = stream.codec_context
    context.open()
    size = context.frame_size or 1024
    middle = len(sound) // 2
    parts = (
        [(sound, made.late_s)]
        if not made.gap_s
        else [
            (sound[:middle], made.late_s),
            (sound[middle:], made.late_s + middle / RATE + made.gap_s),
        ]
    )
    for part, at_s in parts:
        at = round(at_s * made.rate)
        for block in _blocks(_resampled(part, made), size):
            yield from stream.encode(_frame(block, volumes, made, at, context.format.name))
            at += len(block)
    yield from stream.encode(None)


def _resampled(sound: Samples, made: Made) -> Samples:
    if made.rate == RATE:
        return sound
    frame = AudioFrame.from_ndarray(sound.reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate = RATE
    resampler = av.AudioResampler("fltp", "mono", made.rate)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces if piece is not None]).astype(np.float32)


def _blocks(sound: Samples, size: int) -> Iterator[Samples]:
    for at in range(0, len(sound), size):
        block = sound[at : at + size]
        yield np.pad(block, (0, size - len(block)))


def _frame(block: Samples, volumes: tuple[float, ...], made: Made, at: int, form: str) -> AudioFrame:
    channels = len(av.AudioLayout(made.layout).channels)
    factors = np.array(volumes if len(volumes) == channels else volumes * channels, np.float32)
    wide = AudioFrame.from_ndarray(
        np.ascontiguousarray(factors[:, None] * block), format="fltp", layout=made.layout
    )
    wide.sample_rate, wide.time_base = made.rate, Fraction(1, made.rate)
    frame = av.AudioResampler(form, made.layout, made.rate).resample(wide)[0]
    frame.pts, frame.time_base = at, Fraction(1, made.rate)
    return frame


def pairs() -> Iterator[Made]:
    """Yield each container with each codec that it takes, if FFmpeg itself reads back what it has written."""
    sound = speech(1)
    length_s = len(sound) / RATE
    for container in CONTAINERS:
        for codec in CODECS:
            made = Made(container, codec)
            if (container, codec) in MISREAD:
                continue
            try:
                read_s, lasts_s = _read_back(write(made, sound))
            except UNWRITABLE:
                continue
            if abs(read_s - length_s) < 1 and abs(lasts_s - read_s) < 0.3:
                yield made


def _read_back(data: bytes) -> tuple[float, float]:
    """Return how many seconds of sound FFmpeg decodes, and how long that lasts by the times in the file."""
    with av.open(io.BytesIO(data), "r") as file:
        frames = list(file.decode(audio=0))
    times = [frame.time for frame in frames if frame.time is not None]
    read_s = sum(frame.samples / frame.sample_rate for frame in frames)
    if not times:
        return read_s, read_s
    return read_s, times[-1] - times[0] + frames[-1].samples / frames[-1].sample_rate
