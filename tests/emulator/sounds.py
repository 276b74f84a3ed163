"""Audio made for these tests."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import av

AUDIO = Path(__file__).parents[1] / "audio"
RATE = 16_000


def wav(seconds: float, *, rate: int = RATE, level: int = 0) -> bytes:
    """A mono 16-bit WAV; every sample is `level`, so other levels give other content."""
    return wav_of(level.to_bytes(2, "little", signed=True) * round(seconds * rate), rate=rate)


def wav_of(pcm: bytes, *, rate: int = RATE) -> bytes:
    """The same for samples that exist."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


def samples(name: str) -> bytes:
    """The samples of a spoken sentence."""
    with wave.open(str(AUDIO / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return bytes(file.readframes(file.getnframes()))


def encoded(pcm: bytes, container: str, codec: str, rate: int = RATE) -> bytes:
    """16 kHz mono samples in another format, by FFmpeg."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        for source in (frame, None):
            for piece in resampler.resample(source):
                output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return buffer.getvalue()
