"""The admin's hold, clocks and lost state, in virtual time: docs/gate.md."""

import time

import pytest
import redis

from tests.gate.desk import FIRST, RATE, Desk, closed_by, open_again
from transcription.gate import Gate, Ok, Permit, Purpose, Refused, Wait

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
    assert desk.refused().seconds == pytest.approx(FIRST, abs=1e-4)
    desk.after(FIRST)
    desk.submit()  # a probe, which dies
    desk.after(-86_400)
    start = desk.now
    while isinstance(wait := desk.ask(Purpose.SUBMIT), Wait):
        desk.after(wait.seconds)
    assert desk.now - start == pytest.approx(desk.params.probe_lease, abs=0.1)
    desk.change(wait, Ok())
    desk.after(-86_400)
    start = desk.now
    desk.next(Purpose.SUBMIT)
    assert desk.now - start < 1  # the pace is not stretched either


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
        assert gate.figures(now=desk.now) == desk.figures()
        assert gate.room(Purpose.POLL, now=desk.now) == desk.room(Purpose.POLL)


def test_the_script_survives_a_flushed_script_cache(redis_connection: "redis.Redis", desk: Desk) -> None:
    desk.submit()
    redis_connection.script_flush()
    assert desk.submit()
