"""Audio that is never the same twice, so that a line tells whose it is: the echo engine answers with the hash."""

import io
import random
import wave

import av
import numpy as np

RATE = 8000  # samples a second


def wav(dice: random.Random, seconds: float) -> bytes:
    """Return a WAV file of noise of its own."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(dice.randbytes(2 * int(RATE * seconds)))
    return target.getvalue()


def ogg(dice: random.Random, seconds: float) -> bytes:
    """Return an Ogg file with Opus, which the vendor does not take: a worker has to decode it first."""
    samples = np.frombuffer(dice.randbytes(2 * int(48000 * seconds)), dtype=np.int16).reshape(1, -1)
    target = io.BytesIO()
    with av.open(target, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return target.getvalue()


def text_of(sha256: str) -> str:
    """Return what the vendor says of the audio with this hash (emulator/engines/echo.py)."""
    return f"echo {sha256[:12]}"
