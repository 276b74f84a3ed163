"""Where a long recording is cut for Whisper, which hears half a minute at a time: in a silence, if there is one.

Speech is told from silence by the detector Silero, as a probability for each 32 ms. Pure: numbers in, numbers out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

RATE: Final = 16_000
FRAME: Final = 512  # samples for each of the detector's probabilities
SHORTEST_SECONDS: Final = 8.0
LONGEST_SECONDS: Final = 24.0
# Below this probability a frame is silence. Above the detector's own threshold for speech is another limit (0.5).
_SILENT: Final = 0.35

Probabilities = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]


def cut(probabilities: Probabilities, samples: Samples) -> int:
    """Return after how many samples to cut audio that is longer than a piece may be.

    The middle of the longest silence that begins between SHORTEST_SECONDS and LONGEST_SECONDS; without one, the
    quietest tenth of a second of that time.
    """
    first, last = (round(seconds * RATE / FRAME) for seconds in (SHORTEST_SECONDS, LONGEST_SECONDS))
    silence = _longest_silence(probabilities[:last] < _SILENT, first)
    if silence is not None:
        return sum(silence) * FRAME // 2
    power = np.square(samples[: last * FRAME], dtype=np.float64).reshape(-1, FRAME).sum(axis=1)
    around = np.convolve(power, np.ones(3), mode="same")  # 96 ms
    return (first + int(around[first:].argmin())) * FRAME + FRAME // 2


def _longest_silence(silent: npt.NDArray[np.bool_], first: int) -> tuple[int, int] | None:
    """Return the longest run of True that ends after `first`, as (from, until) in frames, cut to begin there."""
    edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0))
    runs = [(max(int(start), first), int(end)) for start, end in edges.reshape(-1, 2) if end > first]
    return max(runs, key=lambda run: run[1] - run[0], default=None)
