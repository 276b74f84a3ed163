"""The length of the pause, the probe and the way back, in virtual time: docs/gate.md."""

import math

import pytest

from tests.gate.desk import FIRST, JOBS, QUOTA, RATE, START, Desk, closed_by, open_again, refuse_again
from transcription.gate import Ok, Outcome, Purpose, Refused, Unavailable, Unused

# Open


def test_a_gate_that_never_felt_a_limit_is_open(desk: Desk) -> None:
    permits = [desk.next(purpose) for _ in range(50) for purpose in Purpose]
    assert desk.state().mode == "open"
    assert desk.in_flight() == 100
    assert not any(p.probe for p in permits)
    assert [desk.report(p, Ok()) for p in permits] == [None] * 100
    assert desk.in_flight() == 0
    figures = desk.figures()
    assert (figures.pace, figures.rate, figures.cap, figures.jobs) == (None, None, None, 0)


# Closing and the length of the pause


def test_a_429_stops_everything_for_the_first_pause(desk: Desk) -> None:
    change = desk.change(desk.submit(), RATE)
    assert (change.kind, change.lane) == ("closed", "all")
    state = change.state
    assert (state.mode, state.scope, state.reason, state.episode) == ("blocked", "all", "rate", 1)
    assert state.since == START
    assert state.reopens_at == pytest.approx(START + FIRST, abs=1e-6)
    for purpose in Purpose:
        assert state.stops(purpose)
        wait = desk.refused(purpose)
        assert wait.seconds == pytest.approx(FIRST, abs=1e-6)
        assert (wait.until, wait.reason) == (state.reopens_at, "rate")


def test_until_is_exact_to_the_microsecond(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.now = round(START + FIRST - 0.000_001, 6)
    assert desk.refused().seconds == desk.params.min_wait  # not 1 µs, or the caller would ask in a tight loop
    desk.after(0.000_001)
    assert desk.submit().probe


def test_a_retry_after_is_obeyed_with_a_margin(desk: Desk) -> None:
    closed_by(desk, Refused("all", 30))
    desk.after(30.249)
    desk.refused()
    desk.after(0.002)
    assert desk.submit().probe


@pytest.mark.parametrize("header", [-1.0, math.nan, math.inf, -math.inf])
def test_a_malformed_retry_after_is_no_retry_after(desk: Desk, header: float) -> None:
    closed_by(desk, Refused("all", header))
    assert desk.refused().seconds == pytest.approx(FIRST, abs=1e-6)


def test_a_retry_after_of_zero_is_legal(desk: Desk) -> None:
    closed_by(desk, Refused("all", 0))
    assert desk.refused().seconds == pytest.approx(desk.params.margin, abs=1e-6)


def test_a_retry_after_of_hours_is_cut_and_visible(desk: Desk) -> None:
    change = desk.change(desk.submit(), Refused("all", 86_400))
    assert desk.refused().seconds == pytest.approx(3600.25, abs=1e-6)
    assert change.state.note == "Retry-After of 86400 s cut to 3600 s"
    desk.after(3600.25)
    assert desk.change(desk.submit(), RATE).state.note == ""


def test_each_refused_probe_lengthens_the_pause_up_to_the_cap(desk: Desk) -> None:
    closed_by(desk, RATE)
    pauses = [desk.refused().seconds, *refuse_again(desk, 50)]
    assert pauses[:7] == pytest.approx([0.5 * 1.15**i for i in range(7)], abs=1e-4)
    assert pauses[-1] == pytest.approx(300, abs=1e-3)
    open_again(desk)
    closed_by(desk, RATE)
    assert desk.refused().seconds <= FIRST  # a new closing begins with the first pause


def long_closing(desk: Desk, tries: int = 16) -> float:
    """Do some work, then refuse for half a minute. Return the length of the closing in seconds."""
    for _ in range(20):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    refuse_again(desk, tries)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    long = float(desk.field("pace.long"))
    assert long > 25
    return long


@pytest.fixture
def closed_once(desk: Desk) -> float:
    """Close the gate for a short and then for a long time. Return the length of the long closing in seconds."""
    closed_by(desk, RATE)
    desk.after(FIRST)
    return long_closing(desk)


def test_after_a_closing_longer_than_the_time_open_since_the_second_try_comes_later(
    desk: Desk, closed_once: float
) -> None:
    """An account that is closed for most of each minute should not be probed ten times in it."""
    desk.after(5)
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    # The long closing may have been an outage, so the first pause is short.
    assert desk.refused().seconds <= FIRST
    base = (closed_once - 5) * 2 / 3
    assert refuse_again(desk, 2) == pytest.approx([base, base * 1.15], rel=1e-3)


def test_after_the_second_of_them_there_is_no_short_rest_any_more(desk: Desk, closed_once: float) -> None:
    long = long_closing(desk, tries=3)
    spell = desk.now
    for _ in range(20):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    base = (long - (desk.now - spell)) * 2 / 3
    assert desk.refused().seconds == pytest.approx(base, rel=1e-3)
    desk.after(base)
    known = desk.figures().rate
    desk.report(desk.submit(), Ok())
    assert known is not None
    # Taken for a window although the first try succeeded.
    assert desk.figures().rate == pytest.approx(known * 0.9, rel=1e-3)


def test_after_a_closing_shorter_than_the_time_open_since_the_second_try_comes_soon(
    desk: Desk, closed_once: float
) -> None:
    desk.after(closed_once)
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    assert refuse_again(desk, 1) == pytest.approx([0.575], abs=1e-4)


def test_a_short_rest_is_no_long_closing(desk: Desk, closed_once: float) -> None:
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    assert desk.field("pace.long") == "0"


def test_no_answer_at_all_is_no_limit_and_its_pauses_start_small(desk: Desk, closed_once: float) -> None:
    for _ in range(20):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), Unavailable(0.0))
    assert refuse_again(desk, 2, Unavailable())[0] < 1


def test_with_a_learned_rate_the_first_pause_is_the_time_of_one_request(desk: Desk) -> None:
    for rate, pause in (("2.5", 0.4), ("50", 0.2), ("0.02", 10.0)):
        desk.redis.hset(desk.key, "pace.rate", rate)
        closed_by(desk, RATE)
        assert desk.refused().seconds == pytest.approx(pause, abs=1e-6)
        desk.resume()
        desk.after(200)


def test_a_retry_after_that_was_too_short_gives_way_to_our_own_pause(desk: Desk) -> None:
    closed_by(desk, Refused("all", 1))
    waits = refuse_again(desk, 11, Refused("all", 1))
    assert waits[:4] == [pytest.approx(1.25, abs=1e-3)] * 4
    assert waits[-2:] == pytest.approx([0.5 * 1.15**9, 0.5 * 1.15**10], abs=1e-3)


# The probe


def test_one_probe_at_a_time_and_the_others_wait_for_its_answer(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    probe = desk.poll()
    assert probe.probe
    assert desk.state().mode == "probing"
    waits = []
    while desk.now + 1e-6 < START + FIRST + desk.params.probe_lease:
        wait = desk.refused()
        waits.append(wait.seconds)
        desk.after(wait.seconds)
    assert waits == pytest.approx([1, 1, 2, 4, 2], abs=1e-3)  # growing waits, cut at the end of the lease


@pytest.mark.parametrize("outcome", [Ok(), JOBS, QUOTA])
def test_any_answer_to_the_probe_opens_the_lane(desk: Desk, outcome: Outcome) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    desk.report(desk.submit(), outcome)
    assert not desk.state().stops(Purpose.POLL)


def test_a_probe_that_was_not_used_is_given_back_at_once(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    assert desk.report(desk.submit(), Unused()) is None
    assert desk.state().mode == "blocked"
    assert desk.submit().probe


def test_a_probe_of_submits_that_says_nothing_of_jobs_is_followed_by_the_next_after_a_rest(
    desk: Desk,
) -> None:
    closed_by(desk, JOBS)
    desk.after(FIRST)
    assert desk.change(desk.submit(), Unavailable()).kind == "moved"
    assert desk.refused().seconds == pytest.approx(desk.params.lost_pause, abs=1e-6)
    assert desk.lane("submit").pause == FIRST  # not refused, so the pause stays


def test_a_holder_that_dies_loses_only_its_lease(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    desk.submit()
    desk.after(desk.params.probe_lease - 0.01)
    desk.refused()
    desk.after(0.01)
    assert desk.state().mode == "blocked"
    second = desk.submit()
    assert second.probe
    assert desk.change(second, Ok()).kind == "opened"


def test_a_slow_probe_may_still_open_if_nothing_was_refused_since(desk: Desk) -> None:
    """Uploads that take longer than the lease must not keep the gate closed for ever."""
    closed_by(desk, RATE)
    desk.after(FIRST)
    slow = desk.submit()
    desk.after(desk.params.probe_lease)
    second = desk.submit()
    assert desk.report(slow, Unused()) is None
    assert desk.state().mode == "probing"  # the probe is now the second one
    third = desk.refused()
    assert third.reason == "rate"
    assert desk.change(second, Ok()).kind == "opened"


def test_a_slow_probe_is_stale_once_the_next_one_was_refused(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    slow = desk.submit()
    desk.after(desk.params.probe_lease)
    desk.change(desk.submit(), RATE)
    assert desk.report(slow, Ok()) is None
    assert desk.state().mode == "blocked"
