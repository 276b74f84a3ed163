"""Who said what, from vectors: laws that hold for all of them, and voices that are clearly apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.diarization import speakers

SIZE = 16
rng = np.random.default_rng(20261130)


def voice(speaker: int, seconds: float, spread: float = 0.1) -> list[float]:
    """A vector near the axis of its speaker."""
    direction = np.eye(SIZE)[speaker] + rng.normal(0, spread, SIZE) / np.sqrt(SIZE)
    vector: list[float] = (direction / np.linalg.norm(direction) * seconds).tolist()
    return vector


def numbered(who: list[int]) -> list[int]:
    """The same in the order of speaking."""
    order: dict[int, int] = {}
    return [order.setdefault(one, len(order)) for one in who]


some_voice: st.SearchStrategy[list[float]] = st.one_of(
    st.just([]), st.lists(st.floats(0, 8), min_size=SIZE, max_size=SIZE)
)
turns = st.lists(
    st.tuples(st.integers(0, 5), st.floats(2.5, 8.0)), min_size=1, max_size=40
)  # who speaks, for how many seconds


@given(st.lists(some_voice, max_size=30), st.integers(0, 8))
def test_every_utterance_has_a_speaker_and_they_are_numbered_in_the_order_of_speaking(
    voices: list[list[float]], count: int
) -> None:
    found = speakers(voices, count)
    assert len(found) == len(voices)
    assert found == numbered(found)
    if count:
        assert len(set(found)) <= count
    if count == 1:
        assert set(found) <= {0}


@given(turns)
def test_voices_that_are_apart_are_told_apart_whether_their_number_is_known_or_not(
    spoken: list[tuple[int, float]],
) -> None:
    who = [speaker for speaker, _ in spoken]
    voices = [voice(speaker, seconds) for speaker, seconds in spoken]
    assert speakers(voices, 0) == numbered(who)
    assert speakers(voices, len(set(who))) == numbered(who)


@given(turns, st.integers(1, 8))
def test_there_are_as_many_speakers_as_were_asked_for_if_there_are_as_many_utterances(
    spoken: list[tuple[int, float]], count: int
) -> None:
    voices = [voice(speaker, seconds, spread=0.5) for speaker, seconds in spoken]
    assert len(set(speakers(voices, count))) == min(count, len(voices))


@given(turns, st.integers(0, 6), st.randoms())
def test_the_order_changes_the_numbers_only(
    spoken: list[tuple[int, float]], count: int, random: np.random.Generator
) -> None:
    voices = [voice(speaker, seconds) for speaker, seconds in spoken]
    order = list(range(len(voices)))
    random.shuffle(order)
    shuffled = speakers([voices[at] for at in order], min(count, len({who for who, _ in spoken})))
    straight = speakers(voices, min(count, len({who for who, _ in spoken})))
    assert shuffled == numbered([straight[at] for at in order])


def test_a_short_utterance_goes_to_the_voice_that_is_most_like_it() -> None:
    voices = [voice(0, 5), voice(1, 5), voice(0, 0.5), voice(1, 0.5)]
    assert speakers(voices, 0) == [0, 1, 0, 1]
    # Nobody but two known voices speaks, so a third one that says "yes" is one of them.
    assert speakers([*voices, voice(2, 0.5)], 0)[:4] == [0, 1, 0, 1]
    assert speakers([*voices, voice(2, 0.5)], 0)[4] in (0, 1)


@pytest.mark.parametrize(
    ("utterances", "spoke"),
    [
        ([voice(0, 5), [], voice(1, 5), []], [0, 0, 1, 1]),  # whoever spoke before
        ([[], voice(1, 5)], [0, 0]),  # or after, at the beginning
        ([[], []], [0, 0]),
        ([], []),
    ],
)
@pytest.mark.parametrize("count", [0, 2])
def test_an_utterance_without_a_voice_is_its_neighbours(
    utterances: list[list[float]], spoke: list[int], count: int
) -> None:
    assert speakers(utterances, count) == spoke


def test_a_cough_is_nobody_even_if_the_number_is_known() -> None:
    voices = [voice(0, 30), voice(1, 30), voice(0, 30), voice(5, 1.6)]
    assert speakers(voices, 2)[:3] == [0, 1, 0]
    assert speakers(voices, 0)[:3] == [0, 1, 0]
    assert set(speakers(voices, 0)) == {0, 1}


def test_hours_of_utterances_take_seconds() -> None:
    who = [int(n) for n in rng.integers(0, 6, 3000)]
    assert speakers([voice(one, 4) for one in who], 0) == numbered(who)
