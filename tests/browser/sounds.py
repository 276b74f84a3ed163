"""Sounds for the detector: silence, noises that are the same in every run, and speech in them."""

import math
import random
from array import array
from collections.abc import Iterable
from functools import cache

RATE = 16_000


def silence(seconds: float) -> "array[float]":
    """Nothing at all."""
    return array("f", bytes(4 * int(seconds * RATE)))


def noise(kind: str, seconds: float, level_db: float) -> "array[float]":
    """`white`, `pink`, or a `fan`: a hum with its harmonic in a rush that swells a little. Mean level, dB; at most
    60 s."""
    source = _noise(kind)
    factor = 10 ** (level_db / 20)
    return array("f", (value * factor for value in source[: int(seconds * RATE)]))


@cache
def _noise(kind: str) -> "array[float]":
    source = random.Random(kind)
    made, slow = array("f"), [0.0, 0.0, 0.0]
    for n in range(60 * RATE):
        white = source.gauss(0, 1)
        if kind == "white":
            value = white
        elif kind == "pink":
            slow = [
                0.99765 * slow[0] + 0.099046 * white,
                0.963 * slow[1] + 0.2965164 * white,
                0.57 * slow[2] + 1.0526913 * white,
            ]
            value = sum(slow) + 0.1848 * white
        else:
            slow[0] = 0.97 * slow[0] + 0.25 * white
            swell = 1 + 0.12 * math.sin(2 * math.pi * 1.3 * n / RATE)
            hum = 0.25 * math.sin(2 * math.pi * 118 * n / RATE) + 0.12 * math.sin(
                2 * math.pi * 236 * n / RATE
            )
            value = slow[0] * swell + hum + 0.05 * white
        made.append(value)
    return scaled(made, 0)


def talk(
    seconds: float, *, dip: float | None = None, pauses: Iterable[tuple[float, float]] = ()
) -> "array[float]":
    """Sound that goes on: 140 ms loud, 60 ms silent, and so on; without the gaps it would count as background noise.

    dip: from this second on, 150 ms are 10 dB quieter; pauses: silence, each (from, length) in seconds.
    """
    sound = noise("white", seconds, -20)
    if dip is not None:
        for n in range(int(dip * RATE), int((dip + 0.15) * RATE)):
            sound[n] *= 0.3
    frame = RATE // 50
    for n in range(0, len(sound), frame):
        if n // frame % 10 > 6:
            sound[n : n + frame] = silence(frame / RATE)
    for start, length in pauses:
        sound[round(start * RATE) : round((start + length) * RATE)] = silence(length)
    return sound


def join(*parts: "array[float]") -> "array[float]":
    """One after the other."""
    return array("f", (sample for part in parts for sample in part))


def mix(a: "array[float]", b: "array[float]") -> "array[float]":
    """Both at once; as long as the shorter."""
    return array("f", (x + y for x, y in zip(a, b, strict=False)))


def scaled(samples: "array[float]", level_db: float) -> "array[float]":
    """The same, at this mean level."""
    factor = 10 ** (level_db / 20) / rms(samples)
    return array("f", (sample * factor for sample in samples))


def rms(samples: Iterable[float]) -> float:
    """Root mean square."""
    squares = [sample * sample for sample in samples]
    return math.sqrt(sum(squares) / len(squares))


def spoken_part(samples: "array[float]") -> tuple[int, int]:
    """The first and the last sample of what is heard: within 35 dB of the loudest 20 ms."""
    frame = RATE // 50
    levels = [rms(samples[at : at + frame]) for at in range(0, len(samples) - frame + 1, frame)]
    heard = [n for n, level in enumerate(levels) if level > max(levels) * 10 ** (-35 / 20)]
    return heard[0] * frame, (heard[-1] + 1) * frame
