"""One test for each rule of docs/gate.md, in virtual time."""

import math
import time

import pytest
import redis

from tests.gate.desk import START, Desk
from transcription.gate import (
    Gate,
    GateParams,
    Ok,
    Outcome,
    Permit,
    Purpose,
    Refused,
    Unavailable,
    Unused,
    Wait,
)

RATE, JOBS, QUOTA = Refused(), Refused("submit"), Refused("quota")
FIRST = GateParams().first_pause


def closed_by(desk: Desk, outcome: Outcome) -> None:
    assert desk.change(desk.submit(), outcome).kind == "closed"


def open_again(desk: Desk) -> None:
    """Long after the last reopening, so that the ramp is over."""
    desk.after(desk.refused().seconds)
    assert desk.change(desk.submit(), Ok()).kind == "opened"
    desk.after(GateParams().ramp)


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
    open_again(desk)
    assert desk.state().note == ""


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
    assert waits == pytest.approx([1, 1, 2, 4, 8, 16, 28], abs=1e-3)  # few questions, and the lease's end


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


# One episode, one reaction


def test_a_burst_of_429s_is_one_episode(desk: Desk) -> None:
    permits = [desk.submit() for _ in range(20)]
    changes = [desk.report(p, RATE) for p in permits]
    assert [c.kind for c in changes if c] == ["closed"]
    assert desk.refused().seconds == pytest.approx(FIRST, abs=1e-6)
    desk.after(FIRST)
    assert desk.submit().epoch == permits[0].epoch + 1


def test_a_stale_429_may_only_extend_by_its_own_header(desk: Desk) -> None:
    late, later, latest = desk.submit(), desk.submit(), desk.submit()
    closed_by(desk, RATE)
    desk.after(1)
    assert desk.report(late, RATE) is None
    change = desk.change(later, Refused("all", 20))
    assert (change.kind, change.state.episode) == ("moved", 1)
    assert desk.refused().seconds == pytest.approx(20.25, abs=1e-6)
    assert desk.lane("all").pause == FIRST
    assert desk.report(latest, Refused("all", 3)) is None  # never backwards
    assert desk.refused().seconds == pytest.approx(20.25, abs=1e-6)


def test_a_stale_429_after_reopening_does_nothing(desk: Desk) -> None:
    late = desk.submit()
    closed_by(desk, RATE)
    open_again(desk)
    assert desk.report(late, Refused("all", 20)) is None
    assert desk.state().mode == "open"


def test_an_accepted_retry_after_outlives_the_probe_that_is_out(desk: Desk) -> None:
    late = desk.submit()
    closed_by(desk, RATE)
    desk.after(FIRST)
    probe = desk.submit()
    desk.report(late, Refused("all", 20))
    assert desk.report(probe, Ok()) is None
    assert desk.refused().seconds == pytest.approx(20.25, abs=1e-6)
    desk.after(20.25)
    assert desk.change(desk.submit(), Ok()).kind == "opened"


def test_a_late_ok_never_opens(desk: Desk) -> None:
    late = desk.submit()
    closed_by(desk, RATE)
    desk.after(FIRST)
    assert desk.report(late, Ok()) is None
    assert desk.state().mode == "blocked"


def test_a_second_report_is_a_no_op(desk: Desk) -> None:
    permit, other = desk.submit(), desk.submit()
    desk.change(permit, RATE)
    before = desk.everything()
    for outcome in (RATE, Refused("all", 99), Unavailable(), Ok(), Unused()):
        assert desk.report(permit, outcome) is None
    assert desk.everything() == before
    assert desk.report(other, Ok()) is None


def test_an_expired_permit_may_only_extend_and_only_once(desk: Desk) -> None:
    forgotten, dead = desk.submit(), desk.submit()
    desk.after(desk.params.permit_lease)
    assert desk.in_flight() == 0
    assert desk.report(dead, Refused("all", 30)) is None  # the lane is open: no reaction
    dead = desk.submit()
    desk.after(desk.params.permit_lease - 1)
    closed_by(desk, RATE)
    desk.after(1)
    assert desk.change(dead, Refused("all", 30)).kind == "moved"
    assert desk.report(dead, Refused("all", 90)) is None
    assert desk.refused().seconds == pytest.approx(30.25, abs=1e-6)
    desk.after(desk.params.forget)
    assert desk.change(desk.submit(), Ok()).kind == "opened"
    assert desk.report(forgotten, RATE) is None
    assert desk.everything()[1] == []  # nothing is kept for ever


def test_a_long_upload_can_ask_for_a_longer_lease(desk: Desk) -> None:
    permit = desk.ask(Purpose.SUBMIT, lease=600)
    desk.after(599)
    assert desk.in_flight() == 1
    assert isinstance(permit, Permit)
    assert desk.change(permit, RATE).kind == "closed"


# What closes depends on what the vendor said


def test_too_many_jobs_stops_submits_and_lets_polls_pass(desk: Desk) -> None:
    change = desk.change(desk.submit(), JOBS)
    assert (change.state.scope, change.state.reason) == ("submit", "concurrency")
    assert not change.state.stops(Purpose.POLL)
    assert desk.refused().reason == "concurrency"
    polls = [desk.poll() for _ in range(10)]
    assert not any(p.probe for p in polls)
    assert [desk.report(p, Ok()) for p in polls] == [None] * 10  # an answered poll opens nothing
    assert desk.state().scope == "submit"
    desk.after(FIRST)
    assert desk.change(desk.submit(), Ok()).kind == "opened"


def test_quota_is_tried_rarely(desk: Desk) -> None:
    assert desk.change(desk.submit(), QUOTA).state.reason == "quota"
    assert desk.refused().seconds == pytest.approx(900, abs=1e-6)
    desk.poll()
    desk.after(900)
    assert desk.change(desk.submit(), Refused("quota", 1)).kind == "moved"
    assert desk.refused().seconds == pytest.approx(900, abs=1e-6)
    assert desk.gate.resume(now=desk.now) is not None
    assert desk.submit()


def test_unavailable_closes_after_three_in_a_row(desk: Desk) -> None:
    def fail() -> None:
        assert desk.report(desk.submit(), Unavailable()) is None

    fail()
    fail()
    desk.report(desk.poll(), Ok())  # an answer in between
    fail()
    fail()
    assert desk.change(desk.submit(), Unavailable()).state.reason == "unavailable"
    desk.refused(Purpose.POLL)
    desk.after(FIRST)
    assert desk.change(desk.submit(), Unavailable()).kind == "moved"
    assert desk.refused().seconds == pytest.approx(8, abs=1e-6)


def test_unavailable_with_a_retry_after_closes_at_once(desk: Desk) -> None:
    change = desk.change(desk.submit(), Unavailable(12))
    assert change.state.reason == "unavailable"
    assert desk.refused().seconds == pytest.approx(12.25, abs=1e-6)


def test_both_lanes_close_and_open_each_for_itself(desk: Desk) -> None:
    one, two = desk.submit(), desk.submit()
    assert desk.change(one, Refused("submit", 60)).kind == "closed"
    change = desk.change(two, RATE)
    assert (change.kind, change.lane, change.state.episode) == ("moved", "all", 1)
    desk.after(FIRST)
    desk.refused(Purpose.SUBMIT)
    change = desk.change(desk.poll(), Ok())
    assert (change.kind, change.lane, change.state.scope) == ("moved", "submit", "submit")
    assert change.state.since == START
    desk.after(60)
    change = desk.change(desk.submit(), Ok())
    assert (change.kind, change.lane) == ("opened", "submit")


def test_a_submit_probe_that_learns_nothing_is_followed_by_another_after_a_pause(desk: Desk) -> None:
    closed_by(desk, JOBS)
    desk.after(FIRST)
    assert desk.change(desk.submit(), RATE).state.scope == "all"
    assert desk.lane("submit").pause == FIRST  # not refused as to jobs: not lengthened
    desk.after(FIRST)
    assert desk.change(desk.submit(), Ok()).kind == "opened"  # it was the probe of both


# The admin


def test_a_hold_stops_everything_until_the_resume(desk: Desk) -> None:
    change = desk.gate.hold("invoice unpaid, by ann", now=desk.now)
    assert change is not None
    assert (change.kind, change.state.mode, change.state.note) == ("closed", "held", "invoice unpaid, by ann")
    assert change.state.reopens_at is None
    for _ in range(3):
        assert desk.refused(Purpose.POLL).reason == "hold"
        desk.after(4000)
    assert desk.gate.hold("invoice unpaid, by ann", now=desk.now) is None
    change = desk.gate.resume(now=desk.now)
    assert change is not None
    assert (change.kind, change.state.mode) == ("opened", "open")
    assert desk.gate.resume(now=desk.now) is None


def test_a_held_gate_goes_on_learning_but_does_not_open(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(FIRST)
    probe = desk.submit()
    change = desk.gate.hold("wait", now=desk.now)
    assert change is not None
    assert change.kind == "moved"
    assert desk.report(probe, Ok()) is None
    assert desk.state().mode == "held"
    desk.refused()


# Clocks and lost state


def test_the_clock_of_the_caller_has_no_effect(
    redis_connection: "redis.Redis", desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, micros = redis_connection.time()
    for wrong in (0.0, 4e9):
        desk.wipe()
        monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
        permit = desk.gate.acquire(Purpose.SUBMIT)
        assert isinstance(permit, Permit)
        change = desk.gate.report(permit, Refused("all", 100))
        assert change is not None
        assert change.state.since == pytest.approx(seconds + micros / 1e6, abs=60)
        wait = desk.gate.acquire(Purpose.SUBMIT)
        assert isinstance(wait, Wait)
        assert 0 < wait.seconds <= 100.25


def test_a_clock_that_steps_back_locks_nothing_for_longer_than_the_pause(desk: Desk) -> None:
    closed_by(desk, RATE)
    desk.after(-86_400)
    assert desk.refused().seconds == pytest.approx(FIRST, abs=1e-6)
    desk.after(FIRST)
    desk.submit()  # a probe, which dies
    desk.after(-86_400)
    wait = desk.refused()
    while wait.seconds < desk.params.probe_lease and desk.now < START - 172_800 + 200:
        desk.after(wait.seconds)
        answer = desk.ask(Purpose.SUBMIT)
        if isinstance(answer, Permit):
            break
        wait = answer
    assert isinstance(answer, Permit)
    desk.change(answer, Ok())
    desk.after(-86_400)
    assert [desk.submit() for _ in range(50)]  # the ramp is not stretched either


def test_lost_state_starts_open_and_the_version_still_grows(desk: Desk) -> None:
    old = desk.submit()
    for _ in range(3):
        closed_by(desk, RATE)
        open_again(desk)
    version = desk.state().version
    closed_by(desk, RATE)
    desk.wipe()
    assert desk.state().mode == "open"
    assert desk.state().version > version
    assert desk.report(old, RATE) is None
    assert desk.change(desk.submit(), RATE).state.version > version + 1


def test_text_and_bytes_clients_see_the_same(redis_url: str, desk: Desk) -> None:
    closed_by(desk, Refused("all", 86_400))
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        gate = Gate(client, desk.gate.name)
        assert gate.state(now=desk.now) == desk.state()
        assert gate.acquire(Purpose.SUBMIT, now=desk.now) == desk.refused()
        assert gate.in_flight(now=desk.now) == 0


def test_the_script_survives_a_flushed_script_cache(redis_connection: "redis.Redis", desk: Desk) -> None:
    desk.submit()
    redis_connection.script_flush()
    assert desk.submit()
