"""Where a long recording is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.pieces import FRAME, LONGEST_SECONDS, RATE, SHORTEST_SECONDS, Samples, cut

FRAMES = round(LONGEST_SECONDS * RATE / FRAME)


def speech(*silences: tuple[float, float]) -> np.ndarray:
    """Probabilities of `LONGEST_SECONDS` of speech with silences from one second to another."""
    found = np.ones(FRAMES, dtype=np.float32)
    for start, end in silences:
        found[round(start * RATE / FRAME) : round(end * RATE / FRAME)] = 0.0
    return found


def loud(*, quiet_at: float | None = None) -> Samples:
    samples = np.ones(FRAMES * FRAME, dtype=np.float32)
    if quiet_at is not None:
        at = round(quiet_at * RATE)
        samples[at - RATE // 20 : at + RATE // 20] = 0.1
    return samples


@pytest.mark.parametrize(
    ("silences", "expected"),
    [
        ([(10.0, 11.0)], 10.5),
        ([(10.0, 10.2), (15.0, 17.0), (20.0, 20.4)], 16.0),  # the longest
        ([(2.0, 6.0), (12.0, 12.4)], 12.2),  # none so early
        ([(6.0, 10.0)], 9.0),  # of a silence that began early, what is late enough
        ([(23.0, 24.0)], 23.5),
    ],
)
def test_the_cut_is_in_the_middle_of_the_longest_silence(
    silences: list[tuple[float, float]], expected: float
) -> None:
    assert cut(speech(*silences), loud()) / RATE == pytest.approx(expected, abs=2 * FRAME / RATE)


def test_speech_without_a_silence_is_cut_at_its_quietest_moment() -> None:
    assert cut(speech(), loud(quiet_at=18.3)) / RATE == pytest.approx(18.3, abs=0.06)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_piece_is_never_shorter_or_longer_than_it_may_be(seed: int, spoken: float) -> None:
    random = np.random.default_rng(seed)
    runs = np.repeat(random.random(FRAMES) < spoken, random.integers(1, 60, FRAMES))[:FRAMES]
    samples = random.normal(size=FRAMES * FRAME).astype(np.float32)
    found = cut(runs.astype(np.float32), samples)
    assert SHORTEST_SECONDS * RATE <= found <= LONGEST_SECONDS * RATE
