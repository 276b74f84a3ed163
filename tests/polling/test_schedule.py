"""Where polls are placed, and what bounds them."""

import math
import random
from collections.abc import Iterator
from functools import cache

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.polling import schedule
from transcription.polling.turnaround import Seen, Turnaround, learn

ADVICE_S = 5.0
WORTH_S = 0.5


@cache
def known(middle_s: float, sigma: float = 0.2, audio_s: float = 5) -> Turnaround:
    """Return the turnaround that is learned from jobs that took about `middle_s`."""
    draw = random.Random(1)
    took = [middle_s * draw.lognormvariate(0, sigma) for _ in range(200)]
    return learn([Seen(audio_s, t * 0.97, t * 1.03) for t in took], audio_s)


def ages(turnaround: Turnaround, audio_s: float = 5, number: int = 0) -> Iterator[float]:
    """Yield the ages of the polls of a job that is never done."""
    age, polls = 0.0, 0
    while True:
        age = schedule.next_poll(
            turnaround,
            audio_s,
            age_s=age,
            polls=polls,
            advice_s=ADVICE_S,
            worth_s=WORTH_S,
            number=number,
        )
        yield age
        polls += 1


def polls_and_lag(
    turnaround: Turnaround, took_s: float, audio_s: float = 5, number: int = 0
) -> tuple[int, float]:
    for polls, age in enumerate(ages(turnaround, audio_s, number), 1):
        if age >= took_s:
            return polls, age - took_s
    raise AssertionError


def test_a_live_clip_is_asked_about_when_it_should_be_done_and_not_before() -> None:
    of_clips = known(1.5)

    first = [next(ages(of_clips, number=n)) for n in range(50)]

    assert 1.2 < min(first) < max(first) < 2.4
    assert max(first) - min(first) > 0.1  # jobs accepted together are not polled together


def test_a_steady_vendor_is_asked_again_as_soon_as_it_must_be_done() -> None:
    """The first poll may be early. The next comes right after the usual turnaround, not half a second later."""
    steady = known(1.3, sigma=0.01)

    lags = sorted(polls_and_lag(steady, 1.3, number=n)[1] for n in range(100))

    assert lags[50] < 0.1
    assert lags[95] < 0.2


def test_an_hour_of_audio_is_left_alone_until_it_may_be_done() -> None:
    of_hours = known(600, audio_s=3600)

    early = [age for age, _ in zip(ages(of_hours, 3600), range(200), strict=False) if age < 400]
    polls, lag = polls_and_lag(of_hours, 620, 3600)

    assert len(early) < 25  # some, in case the vendor has become faster
    assert polls < 620 / ADVICE_S
    assert lag < ADVICE_S


@hypothesis.settings(deadline=None)
@given(
    st.sampled_from([0.2, 1.5, 40.0, 4000.0]),
    st.sampled_from([0.02, 0.3, 1.0]),
    st.floats(1, 4 * 3600),
    st.integers(0, 10**9),
)
def test_polls_go_forward_and_never_exceed_the_advice_by_more_than_the_spare_ones(
    middle_s: float, sigma: float, audio_s: float, number: int
) -> None:
    before = 0.0
    for polls, age in zip(
        range(1, 200), ages(known(middle_s, sigma, audio_s), audio_s, number), strict=False
    ):
        assert age > before
        assert math.isfinite(age)
        assert polls <= age / ADVICE_S + 4 + 1e-6
        before = age


def test_a_job_that_never_ends_is_polled_ever_more_seldom() -> None:
    polls = 0
    for age in ages(known(2)):
        if age > 12 * 3600:
            break
        polls += 1

    assert polls < 600


def test_a_poll_is_worth_what_the_vendors_advice_says_within_bounds() -> None:
    assert schedule.price(100, ADVICE_S, WORTH_S) == 0.125  # √(2 · 0.125 · 100) = 5
    assert schedule.price(1.5, ADVICE_S, WORTH_S) == WORTH_S
    assert schedule.price(1e6, ADVICE_S, WORTH_S) == schedule.LEAST_PRICE


@pytest.mark.parametrize(("asked", "gap"), [(0.5, 2), (10, 2), (25, 5)])
def test_over_the_budget_all_gaps_grow_alike(asked: float, gap: float) -> None:
    assert schedule.stretched(2, asked, budget=10) == gap
