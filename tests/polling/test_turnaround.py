"""What is learned of a vendor's turnaround from polls that found a job running and polls that found it done."""

import random

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.polling.turnaround import EDGES, Seen, Turnaround, learn

AUDIO_S = st.floats(0, 4 * 3600)
SEEN = st.builds(
    lambda audio, running, more: Seen(audio, running, running + more),
    AUDIO_S,
    st.floats(0, 40_000),
    st.floats(0.001, 40_000),
)


KNOWN = learn([Seen(5, 1.9, 2.1)] * 20, 5)


def median(turnaround: Turnaround, audio_s: float) -> float:
    return turnaround.left(audio_s)


def polled(audio_s: float, took_s: float, every_s: float) -> Seen:
    """Return the job as polls every `every_s` would see it."""
    found_running = int(took_s / every_s) * every_s
    return Seen(audio_s, found_running, found_running + every_s)


@hypothesis.settings(deadline=None)
@given(st.lists(SEEN, max_size=40), AUDIO_S)
def test_whatever_the_history_it_is_a_distribution(history: list[Seen], audio_s: float) -> None:
    turnaround = learn(history, audio_s)

    assert sum(turnaround.bins) == pytest.approx(1)
    assert min(turnaround.bins) >= 0
    assert all(a >= b for a, b in zip(turnaround.survival, turnaround.survival[1:], strict=False))
    assert all(a <= b for a, b in zip(turnaround.root_hazard, turnaround.root_hazard[1:], strict=False))


def test_the_hazard_of_a_job_later_than_half_of_its_like_is_at_least_one_over_its_age() -> None:
    late = [i for i, alive in enumerate(KNOWN.survival[:-1]) if alive < 0.5]

    for i in late:
        width = EDGES[i + 1] - EDGES[i]
        mean_root_hazard = (KNOWN.root_hazard[i + 1] - KNOWN.root_hazard[i]) / width
        assert mean_root_hazard >= EDGES[i] ** -0.5 - 1e-9


def test_with_no_history_it_is_about_a_tenth_of_the_length() -> None:
    assert learn([], 5).samples == 0
    assert 0.8 < median(learn([], 5), 5) < 2.5
    assert 200 < median(learn([], 3600), 3600) < 600


def test_two_hundred_jobs_tell_the_median_though_each_tells_only_an_interval() -> None:
    draw = random.Random(1)
    history = [polled(5, draw.lognormvariate(0.7, 0.2), 0.5) for _ in range(200)]  # median e^0.7 = 2.01

    assert median(learn(history, 5), 5) == pytest.approx(2.01, rel=0.08)


def test_the_length_matters_as_much_as_it_did_before() -> None:
    draw = random.Random(2)
    lengths = [draw.uniform(60, 900) for _ in range(200)]
    steep = learn([polled(s, (4 + 0.2 * s) * draw.lognormvariate(0, 0.2), 1) for s in lengths], 300)
    flat = learn([polled(s, 20 * draw.lognormvariate(0, 0.2), 1) for s in lengths], 300)

    assert median(steep, 900) / median(steep, 100) == pytest.approx(184 / 24, rel=0.25)
    assert median(flat, 900) / median(flat, 100) == pytest.approx(1, rel=0.15)


def test_one_answer_that_came_hours_late_changes_nothing() -> None:
    """A job that ran at 1 s and was found done after 3 hours, because the gate was closed or no worker ran."""
    good = [Seen(5, 1.5, 2.0)] * 60
    late = [Seen(5, 1.0, 10_800)] * 6

    before, after = learn(good, 5), learn([*late, *good], 5)

    assert median(after, 5) == pytest.approx(median(before, 5), rel=0.06)


def test_a_single_job_that_really_took_hours_changes_little() -> None:
    good = [Seen(5, 1.5, 2.0)] * 60

    assert median(learn([Seen(5, 7000, 7200), *good], 5), 5) == pytest.approx(
        median(learn(good, 5), 5), rel=0.06
    )


def test_a_vendor_that_became_slower_is_believed_after_some_jobs() -> None:
    was, now = [Seen(5, 0.9, 1.1)] * 150, [Seen(5, 1.9, 2.1)]

    assert median(learn(was, 5), 5) == pytest.approx(1, rel=0.1)
    assert median(learn([*now * 30, *was], 5), 5) == pytest.approx(2, rel=0.1)


def test_intervals_that_cannot_be_are_left_out() -> None:
    assert learn([Seen(5, 3, 2), Seen(5, -1, 2), Seen(5, 2, 2)], 5).samples == 0


def test_how_long_it_still_takes_grows_with_the_age_of_what_is_late() -> None:
    known = learn([Seen(5, 1.9, 2.1)] * 200, 5)

    assert known.left(5) == pytest.approx(2, rel=0.1)
    assert known.left(5, 1.0) == pytest.approx(1, rel=0.15)
    assert known.left(5, 60) > 3
    assert known.left(5, share=0.9) > known.left(5)


@hypothesis.settings(deadline=None)
@given(st.floats(0, 1e6), AUDIO_S)
def test_the_probability_to_be_running_falls_from_one_to_nothing(age_s: float, audio_s: float) -> None:
    known = KNOWN

    assert 0 <= known.running_at(audio_s, age_s) <= 1
    assert known.running_at(audio_s, age_s) <= known.running_at(audio_s, age_s / 2) + 1e-12
    assert known.running_at(audio_s, 0) == 1
    assert known.running_at(audio_s, EDGES[-1] * known.scale(audio_s) * 1.01) == 0
