"""The length of the pause, the probe and the way back, in virtual time: docs/gate.md."""

import math

import pytest
import redis

from tests.gate.desk import FIRST, JOBS, QUOTA, RATE, START, Desk, closed_by, open_again
from transcription.gate import (
    GateParams,
    Ok,
    Outcome,
    Permit,
    Purpose,
    Refused,
    Unused,
    Wait,
)

# Open


def test_a_gate_that_never_felt_a_limit_lets_everybody_pass(desk: Desk) -> None:
    permits = [desk.submit() for _ in range(50)] + [desk.poll() for _ in range(50)]
    assert desk.state().mode == "open"
    assert desk.in_flight() == 100
    assert not any(p.probe for p in permits)
    assert [desk.report(p, Ok()) for p in permits] == [None] * 100
    assert desk.in_flight() == 0


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
    assert desk.refused().seconds == desk.params.min_wait  # nobody is sent into a spin
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
    pauses = [desk.refused().seconds]
    for _ in range(20):
        desk.after(desk.refused().seconds)
        assert desk.change(desk.submit(), RATE).kind == "moved"
        pauses.append(desk.refused().seconds)
    assert pauses[:6] == pytest.approx([5, 8, 12.8, 20.48, 25.6, 32], abs=1e-3)
    assert pauses[-1] == pytest.approx(300, abs=1e-3)
    open_again(desk)
    closed_by(desk, RATE)
    assert desk.refused().seconds == pytest.approx(FIRST, abs=1e-6)  # a new episode starts small


def test_a_retry_after_that_was_too_short_gives_way_to_our_own_pause(desk: Desk) -> None:
    closed_by(desk, Refused("all", 1))
    waits = []
    for _ in range(4):
        desk.after(desk.refused().seconds)
        desk.change(desk.submit(), Refused("all", 1))
        waits.append(desk.refused().seconds)
    assert waits == pytest.approx([5, 8, 12.8, 20.48], abs=1e-3)


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
    assert waits == pytest.approx([1, 1, 2, 4, 7], abs=1e-3)  # few questions, and the lease's end


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
    assert desk.state().mode == "probing"  # what the slow one gives back is not its own any more
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


def test_reopening_does_not_release_the_whole_fleet_at_once(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    desk.change(desk.submit(), Ok())
    answers = [desk.ask(Purpose.SUBMIT) for _ in range(40)]
    permits = [a for a in answers if isinstance(a, Permit)]
    waits = [a for a in answers if isinstance(a, Wait)]
    assert len(permits) == 1
    assert not permits[0].probe
    assert {w.reason for w in waits} == {"pace"}
    assert len({w.until for w in waits}) > 30  # each has a time of its own
    assert desk.state().mode == "open"
    given = 1
    for wait in sorted(waits, key=lambda w: w.until):
        desk.now = wait.until
        given += isinstance(desk.ask(Purpose.SUBMIT), Permit)
    assert given == 40  # and each time holds
    desk.after(desk.params.ramp)
    assert len([desk.submit() for _ in range(200)]) == 200


def test_the_ramp_has_an_end(redis_connection: "redis.Redis") -> None:
    desk = Desk(redis_connection, "test-ramp", GateParams(ramp=1.0))
    closed_by(desk, RATE)
    desk.resume()
    desk.after(0.99)
    assert [type(desk.ask(Purpose.SUBMIT)) for _ in range(5)] == [Permit] * 4 + [Wait]
    desk.after(0.01)
    assert [type(desk.ask(Purpose.SUBMIT)) for _ in range(50)] == [Permit] * 50
    desk.wipe()
