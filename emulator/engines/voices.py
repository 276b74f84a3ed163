"""Diarization by pitch, for two speakers: a low voice and a high one.

The pitch of a frame is the lag at which the frame resembles itself most (autocorrelation). A recording has two voices
if its stretches fall into two groups with a clear gap in pitch between them.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from operator import mul
from statistics import median
from typing import Final

# Samples summed into one, the resulting rate in Hz, and the lags (in such samples) of voices from 300 to 70 Hz.
_JOINED: Final = 4
_RATE: Final = 4_000
_LAGS: Final = range(_RATE // 300, _RATE // 70 + 1)
# A frame with less self-similarity than this is no vowel and has no pitch.
_VOICED: Final = 0.5
# Analysing every third frame is enough for a median.
_EVERY: Final = 3
# Two groups of stretches are two voices from this ratio of pitches on. One voice varies less between sentences.
_TWO_VOICES: Final = 1.25


class Listener:
    """Measures the pitch of one stretch of speech from its frames of 16 kHz signed 16-bit mono audio."""

    def __init__(self) -> None:
        self._heard = 0
        self._pitches: list[float] = []

    def hear(self, frame: bytes) -> None:
        """Take one frame of 20 to 30 ms."""
        self._heard += 1
        if self._heard % _EVERY == 0 and (found := _pitch(frame)):
            self._pitches.append(found)

    def pitch(self) -> float:
        """Return the pitch in Hz, or 0.0 if no voiced frame was heard."""
        return median(self._pitches) if self._pitches else 0.0


def _pitch(frame: bytes) -> float:
    samples = array("h", frame)
    wave = [sum(samples[at : at + _JOINED]) for at in range(0, len(samples) - _JOINED + 1, _JOINED)]
    loudness = sum(map(mul, wave, wave))
    if not loudness:
        return 0.0
    likeness = {
        lag: sum(map(mul, wave, wave[lag:])) / loudness * len(wave) / (len(wave) - lag) for lag in _LAGS
    }
    best = max(likeness.values())
    if best < _VOICED:
        return 0.0
    # A multiple of the period is nearly as good, so take the first lag that is about as good as the best.
    return _RATE / next(lag for lag, value in likeness.items() if value > 0.9 * best)


def speakers(pitches: list[float], count: int) -> list[int]:
    """Return a speaker for each stretch, numbered in the order of speaking. `count` 0 guesses one or two."""
    known = sorted(pitch for pitch in pitches if pitch)
    steps = [(high / low, (low + high) / 2) for low, high in pairwise(known)]
    step, border = max(steps, default=(1.0, 0.0))
    if count == 1 or step < _TWO_VOICES:
        return [0] * len(pitches)
    first = next(pitch for pitch in pitches if pitch) > border
    found, speaker = [], 0
    for pitch in pitches:
        if pitch:  # otherwise the speaker of the stretch before
            speaker = int((pitch > border) is not first)
        found.append(speaker)
    return found
