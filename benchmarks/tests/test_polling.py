"""The schedules of the polling benchmark, and how a job is polled."""

import math

import pytest

from benchmarks.polling import schedules, single
from benchmarks.polling.schedules import QuantileParams, Quantiles
from benchmarks.polling.tune import GRID
from transcription.polling.turnaround import Seen


def taught(count: int, longest_gap_s: float = math.inf, *, midpoint: bool = False) -> Quantiles:
    """Return a schedule that has seen 60 jobs of 10 s of audio, which took 1, 2, … 60 s."""
    learner = Quantiles(QuantileParams(count, 0.0, midpoint, longest_gap_s))
    for took in range(1, 61):
        learner.record(Seen(10.0, took - 1.0, float(took)))
    return learner


def ages(learner: Quantiles, audio_s: float, polls: int) -> list[float]:
    times, found = learner.schedule(audio_s, 0), [0.0]
    for number in range(polls):
        found.append(times(found[-1], number))
    return found[1:]


def test_polls_are_at_the_quantiles_and_then_at_the_advised_interval() -> None:
    assert ages(taught(4), 10.0, 6) == pytest.approx([15, 30, 45, 60, 65, 70])


def test_turnarounds_are_scaled_with_the_length_of_the_audio() -> None:
    assert ages(taught(2), 20.0, 2) == pytest.approx([60, 120])


def test_a_job_can_count_as_done_between_its_last_two_polls() -> None:
    assert ages(taught(2, midpoint=True), 10.0, 2) == pytest.approx([29.5, 59.5])


def test_the_longest_gap_applies_after_the_first_poll() -> None:
    assert ages(taught(2, longest_gap_s=10.0), 10.0, 4) == pytest.approx([30, 40, 50, 60])


def test_only_the_last_60_jobs_count() -> None:
    learner = taught(1)
    for _ in range(60):
        learner.record(Seen(10.0, 1.0, 2.0))
    assert ages(learner, 10.0, 1) == pytest.approx([2.0])


def test_a_schedule_that_has_seen_few_jobs_polls_as_mico_did_before() -> None:
    learner = Quantiles(schedules.PURE)
    for _ in range(9):
        learner.record(Seen(10.0, 1.0, 2.0))
    assert ages(learner, 10.0, 3) == pytest.approx([0.7, 1.4, 2.1])


def test_the_chosen_quantiles_are_points_of_the_grid() -> None:
    assert {schedules.PURE, schedules.CAPPED} <= set(GRID)


def test_polling_a_job_gives_polls_lag_and_the_last_age_at_which_it_ran() -> None:
    assert single.poll(schedules.fixed(5.0), 12.0) == (3, 3.0, 10.0)
    assert single.poll(schedules.fixed(5.0), 4.0) == (1, 1.0, 0.0)
