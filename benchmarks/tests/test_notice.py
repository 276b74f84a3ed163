"""When an episode counts as told to every socket exactly once."""

import math

import pytest

from benchmarks.crowd import Heard
from benchmarks.notice import told

ONCE = [
    Heard(0, "stt.delayed", 4, 10.1),
    Heard(1, "stt.delayed", 4, 10.3),
    Heard(0, "stt.resumed", 4, 12.0),
    Heard(1, "stt.resumed", 4, 12.0),
]


def test_the_last_socket_determines_how_long_an_episode_takes() -> None:
    (episode,) = told(ONCE, 2, [10.0])
    assert episode.each_s == pytest.approx([0.1, 0.3])
    assert episode.last_s == pytest.approx(0.3)
    assert episode.wrong == 0


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ([*ONCE, Heard(1, "stt.delayed", 4, 11.0)], 1),
        ([*ONCE, Heard(0, "stt.resumed", 4, 13.0), Heard(1, "stt.resumed", 4, 13.0)], 2),
        (ONCE[:3], 1),
    ],
)
def test_an_event_that_comes_twice_or_never_is_wrong(heard: list[Heard], wrong: int) -> None:
    assert told(heard, 2, [10.0])[0].wrong == wrong


def test_a_socket_without_events_is_wrong_and_episodes_are_counted_separately() -> None:
    later = [entry._replace(episode=5, t=entry.t + 100) for entry in ONCE]
    first, second = told([*later, *ONCE], 3, [10.0, 110.0])
    assert (first.wrong, second.wrong) == (1, 1)
    assert second.last_s == pytest.approx(0.3)


def test_an_episode_without_a_delayed_event_takes_infinitely_long() -> None:
    assert told(ONCE[2:], 2, [10.0])[0].last_s == math.inf


def test_a_different_number_of_episodes_is_an_error() -> None:
    with pytest.raises(ValueError, match="events of 1 episodes; 2 began"):
        told(ONCE, 2, [10.0, 20.0])
