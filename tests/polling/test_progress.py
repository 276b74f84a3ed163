"""How far a job is: it only grows, and its speed is that of late."""

import math

import pytest

from transcription.polling.progress import Progress, advanced


def test_the_first_answer_gives_the_speed_since_the_job_was_last_seen() -> None:
    first = advanced(None, 24, 4)

    assert first == Progress(24, 6)
    assert first.left_s(84) == 10


def test_a_speed_that_holds_is_learned_and_a_change_of_it_too() -> None:
    now = advanced(None, 24, 12)
    for _ in range(12):
        now = advanced(now, now.done_s + 50, 5)

    assert now.speed == pytest.approx(10, rel=0.05)
    for _ in range(12):
        now = advanced(now, now.done_s + 10, 5)
    assert now.speed == pytest.approx(2, rel=0.25)


def test_steps_of_half_a_minute_of_audio_do_not_make_the_rest_jump() -> None:
    """At ten times real time a poll each 5 s sees two steps of 24 s, or three."""
    now, lefts = Progress(240, 10), []
    for steps in (2, 2, 3, 1, 3, 2):
        now = advanced(now, now.done_s + 24 * steps, 5)
        lefts.append(now.speed)

    assert all(7.5 < speed < 12.5 for speed in lefts)


def test_it_never_goes_back_and_a_job_that_stands_still_gets_slower() -> None:
    before = Progress(720, 10)

    after = advanced(before, 24, 5)

    assert after.done_s == 720
    assert 0 < after.speed < 10


def test_while_nothing_is_done_the_rest_is_unknown_and_at_the_end_there_is_none() -> None:
    assert advanced(None, 0, 5).left_s(60) == math.inf
    assert Progress(61, 10).left_s(60) == 0


def test_two_answers_of_one_moment_divide_by_no_zero() -> None:
    assert math.isfinite(advanced(Progress(10, 1), 20, 0).speed)
