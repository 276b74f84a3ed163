"""The learned pace, in virtual time: docs/gate.md."""

import itertools

import pytest
import redis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.gate.bucket import Bucket, saturate, work
from tests.gate.desk import DEFAULTS, RATE, Desk, refuse_again
from transcription.gate import Ok, Permit, Purpose, Wait


def learned(desk: Desk, rate: float) -> None:
    """Make the gate learn about this rate (requests/s) from a vendor with that limit."""
    vendor = Bucket(rate)
    work(desk, vendor, 300, refusals=2)
    desk.after(desk.refused().seconds)
    while desk.figures().rate is None or desk.state().mode != "open":
        answer = desk.next(Purpose.SUBMIT)
        desk.report(answer, Ok())


def pace(desk: Desk) -> float:
    value = desk.figures().pace
    assert value is not None
    return value


def rate(desk: Desk) -> float:
    value = desk.figures().rate
    assert value is not None
    return value


# Before a rate was measured


def test_a_new_gate_starts_slowly_and_doubles_while_it_is_what_holds_work_back(desk: Desk) -> None:
    per_second = [len(saturate(desk, 1, (Purpose.SUBMIT,)).given) for _ in range(10)]
    assert 10 <= per_second[0] <= 15  # with the burst
    for early in (1, 3, 6):
        assert per_second[early + 3] == pytest.approx(per_second[early] * 2, rel=0.15)
    assert per_second[9] > 70


def test_an_idle_gate_does_not_get_faster(desk: Desk) -> None:
    for _ in range(20):
        desk.next(Purpose.SUBMIT)
        desk.after(10)
    assert len(saturate(desk, 1, (Purpose.SUBMIT,)).given) <= 15


def test_bursts_are_small(desk: Desk) -> None:
    answers = [desk.ask(Purpose.SUBMIT) for _ in range(20)]
    assert [type(a) for a in answers] == [Permit] * 4 + [Wait] * 16


def test_the_pace_has_a_ceiling(desk: Desk) -> None:
    desk.redis.hset(desk.key, "pace.busy", "100000")
    assert len(saturate(desk, 0.5, (Purpose.SUBMIT,)).given) <= DEFAULTS.pace_max * 0.8 + 2


# What a refusal teaches


def test_the_first_refusal_halves_the_pace_and_the_second_measures_the_rate(desk: Desk) -> None:
    vendor = Bucket(6.0)
    work(desk, vendor, 100, refusals=1)
    pushed = float(desk.field("pace.pushed"))
    assert pushed >= DEFAULTS.pace_start
    desk.after(desk.refused().seconds)
    assert vendor.takes(desk.now)
    desk.report(desk.submit(), Ok())
    assert rate(desk) == pytest.approx(pushed / 2, rel=1e-3)
    work(desk, vendor, 100, refusals=1)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    assert rate(desk) == pytest.approx(6.0, rel=0.1)


@pytest.mark.parametrize("true", [3.0, 8.0, 15.0])
def test_a_bucket_is_used_well_and_refuses_rarely(desk: Desk, true: float) -> None:
    vendor = Bucket(true, size=max(4.0, true / 4))
    work(desk, vendor, 30 + 60 / true)
    seconds = 40 + 120 / true
    tally = work(desk, vendor, seconds)
    assert tally.taken >= 0.65 * true * seconds
    assert tally.refused <= 0.1 * tally.taken
    assert rate(desk) == pytest.approx(true, rel=0.25)


def test_a_short_rest_cuts_to_what_was_measured(desk: Desk) -> None:
    vendor = Bucket(20.0)
    work(desk, vendor, 60)
    assert rate(desk) == pytest.approx(20, rel=0.25)
    vendor.rate = 8.0
    work(desk, vendor, 20)
    assert rate(desk) == pytest.approx(8, rel=0.4)


def test_an_outage_leaves_the_rate(desk: Desk) -> None:
    vendor = Bucket(20.0)
    work(desk, vendor, 60)
    before = rate(desk)
    vendor.shut = (desk.now, desk.now + 60)
    work(desk, vendor, 75)
    assert desk.state().mode == "open"
    assert rate(desk) >= before * 0.97
    assert float(desk.field("pace.long")) > 55
    assert float(desk.field("pace.settle")) < 20  # the pace soon rises again


def windows(desk: Desk, number: int, takes: int = 40) -> list[float]:
    """Work with a vendor that takes `takes` requests a minute, however fast. Return the rate after each minute."""
    rates = []
    for _ in range(number):
        for _ in range(takes):
            desk.report(desk.next(Purpose.SUBMIT), Ok())
        start = desk.now
        desk.report(desk.next(Purpose.SUBMIT), RATE)
        while desk.now < start + 58:
            desk.after(desk.refused().seconds)
            desk.report(desk.submit(), Ok() if desk.now >= start + 58 else RATE)
        rates.append(rate(desk))
    return rates


def test_a_vendor_closed_for_most_of_the_time_again_and_again_is_asked_more_slowly(desk: Desk) -> None:
    """The first long closing counts as an outage, which teaches nothing. From the second on the rate goes down."""
    learned(desk, 20.0)
    known = rate(desk)
    rates = windows(desk, 4)
    assert rates[:2] == pytest.approx([known, known], rel=0.02)
    assert rates[2:] == pytest.approx([rates[1] * 0.9, rates[1] * 0.81], rel=1e-3)


def test_a_window_never_slows_down_below_what_it_takes(desk: Desk) -> None:
    learned(desk, 20.0)
    assert 40 / 75 < min(windows(desk, 40)) < 40 / 58  # a cycle takes 58 to 75 s, depending on the probes
    assert float(desk.field("pace.settle")) == DEFAULTS.settle_cap  # and stays below the rate for long


def test_an_outage_right_after_a_short_rest_is_no_window(desk: Desk) -> None:
    desk.redis.hset(desk.key, "pace.rate", "20")
    for _ in range(2):
        desk.report(desk.next(Purpose.SUBMIT), RATE)
        desk.after(desk.refused().seconds)
        desk.report(desk.submit(), Ok())
    known = rate(desk)
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    refuse_again(desk, 12)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    assert rate(desk) >= known


def refused_by_chance(desk: Desk, requests: int, gap: float) -> None:
    """Send a request every `gap` seconds, of which the last is refused; the probe after it succeeds."""
    for _ in range(requests):
        desk.after(gap)
        desk.report(desk.submit(), Ok())
    desk.after(gap)
    desk.report(desk.submit(), RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())


def test_a_refusal_at_ease_teaches_nothing(desk: Desk) -> None:
    """The pace held nobody back, so it is not what was refused: the gate goes on as fast as before."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "10", "pace.settle": "5"})
    for _ in range(5):
        refused_by_chance(desk, 12, 0.5)
        assert rate(desk) == 10
    assert pace(desk) == pytest.approx(10 * DEFAULTS.pace_below)


def test_before_a_rate_was_measured_a_refusal_at_ease_measures_none(desk: Desk) -> None:
    desk.report(desk.submit(), Ok())
    for _ in range(5):
        refused_by_chance(desk, 12, 0.5)
    assert desk.figures().rate is None
    assert len(saturate(desk, 1, (Purpose.SUBMIT,)).given) >= 10


def test_refusals_at_ease_that_come_soon_again_and_again_are_believed(desk: Desk) -> None:
    """Too few workers to be held back by the pace, and still too fast for the vendor."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "100", "pace.settle": "1000"})
    refused_by_chance(desk, 12, 0.5)
    rates = []
    for _ in range(3):
        refused_by_chance(desk, 2, 0.15)
        rates.append(rate(desk))
    assert rates[:2] == [100, 100]
    assert rates[-1] < 20


def refused_while_busy(desk: Desk, requests: int) -> None:
    """Send requests as fast as the pace allows, of which the last is refused; the probe after it succeeds."""
    for _ in range(requests):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())


def test_a_refusal_below_the_rate_teaches_nothing(desk: Desk) -> None:
    """The vendor was measured to take more, so the pace is not what it refused."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "10", "pace.settle": "1000"})
    for _ in range(5):
        refused_while_busy(desk, 20)
        assert rate(desk) == 10


def test_refusals_below_the_rate_that_come_soon_again_and_again_are_believed(desk: Desk) -> None:
    """The limit has fallen."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "10", "pace.settle": "1000"})
    refused_while_busy(desk, 20)
    rates = []
    for _ in range(3):
        refused_while_busy(desk, 1)
        rates.append(rate(desk))
    assert rates[:2] == [10, 10]
    assert rates[-1] < 9


@pytest.mark.parametrize(("refused_probes", "waits"), [(0, True), (8, False)])
def test_after_a_closing_of_one_request_the_next_waits_for_as_long_again(
    desk: Desk, refused_probes: int, waits: bool
) -> None:
    """The probe has used what the vendor's limiter had. In a longer closing it has filled up."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "0.5", "pace.settle": "1000"})
    desk.report(desk.submit(), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    for _ in range(refused_probes):
        desk.after(desk.refused().seconds)
        desk.report(desk.submit(), RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    opened = desk.now
    desk.next(Purpose.SUBMIT)
    assert (desk.now - opened >= 0.9 / pace(desk)) is waits


def test_a_person_who_ends_a_pause_teaches_nothing(desk: Desk) -> None:
    learned(desk, 5.0)
    known = rate(desk)
    for _ in range(3):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    desk.resume()
    assert rate(desk) == known


# Above what was measured


def test_after_the_vendor_was_spared_the_pace_is_tried_higher(desk: Desk) -> None:
    learned(desk, 5.0)
    settle, known = float(desk.field("pace.settle")), rate(desk)
    assert settle >= DEFAULTS.settle
    assert pace(desk) == pytest.approx(known * DEFAULTS.pace_below)
    saturate(desk, settle * 0.9, (Purpose.SUBMIT,))
    assert pace(desk) == pytest.approx(known * DEFAULTS.pace_below)
    saturate(desk, settle * 0.3 + DEFAULTS.push_double * 2, (Purpose.SUBMIT,))
    assert pace(desk) > known * 1.8
    assert rate(desk) == known  # only a refusal changes the rate


def test_a_rate_that_rose_is_found_soon(desk: Desk) -> None:
    vendor = Bucket(5.0)
    work(desk, vendor, 60)
    vendor.rate = 40.0
    work(desk, vendor, 60)
    assert rate(desk) > 30


def test_nothing_is_measured_across_an_idle_gap(desk: Desk) -> None:
    vendor = Bucket(10.0)
    work(desk, vendor, 60)
    known = rate(desk)
    desk.after(100)
    for _ in range(3):
        desk.report(desk.next(Purpose.SUBMIT), Ok())
    desk.report(desk.next(Purpose.SUBMIT), RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    assert rate(desk) == known  # 3 requests in 100 idle s measure nothing


def test_the_rate_stays_inside_its_bounds(desk: Desk) -> None:
    work(desk, Bucket(0.001), 20_000)
    assert DEFAULTS.pace_min <= rate(desk) < 0.1


def test_after_reopening_the_fleet_does_not_come_back_in_one_instant(desk: Desk) -> None:
    learned(desk, 5.0)
    answers = [desk.ask(Purpose.SUBMIT) for _ in range(40)]
    assert sum(isinstance(a, Permit) for a in answers) <= 1
    waits = [a for a in answers if isinstance(a, Wait)]
    assert {w.reason for w in waits} == {"pace"}
    assert all(0 < w.seconds <= 1 / pace(desk) + 1e-3 for w in waits)


# Submits and polls


def test_submits_and_polls_take_turns_while_both_wait(desk: Desk) -> None:
    learned(desk, 8.0)
    given = [purpose for _, purpose in saturate(desk, 10).given]
    assert len(given) > 50
    assert all(one is not the_next for one, the_next in itertools.pairwise(given[2:]))


def test_neither_starves_before_a_rate_was_measured(desk: Desk) -> None:
    """Before a rate is measured there are bursts and no strict turns, but each purpose still gets its part."""
    given = [purpose for _, purpose in saturate(desk, 10).given]
    assert 0.3 <= given.count(Purpose.POLL) / len(given) <= 0.7


@settings(max_examples=40, deadline=None, database=None, phases=[Phase.generate])
@given(
    first=st.sampled_from(list(Purpose)),
    many=st.integers(1, 30),
    known=st.floats(0.2, 50),
    after=st.floats(0, 3),
)
def test_one_of_the_other_kind_waits_for_no_more_than_its_turn(
    redis_connection: "redis.Redis", first: Purpose, many: int, known: float, after: float
) -> None:
    """Many callers ask for one purpose. A single caller for the other gets its turn, whenever it comes."""
    desk = Desk(redis_connection, "test-turns")
    desk.wipe()
    desk.redis.hset(desk.key, mapping={"pace.rate": f"{known:.6f}", "pace.settle": "1000"})
    other = Purpose.POLL if first is Purpose.SUBMIT else Purpose.SUBMIT
    waiting = [desk.now] * many  # the time at which each of the many asks next
    start = due = desk.now + after
    while desk.now < start + 30:
        desk.now = max(desk.now, min(*waiting, due))
        if due <= desk.now:
            answer = desk.ask(other)
            if isinstance(answer, Permit):
                break
            due = answer.until
        for i, at in enumerate(waiting):
            if at <= desk.now:
                answer = desk.ask(first)
                waiting[i] = answer.until if isinstance(answer, Wait) else desk.now
    assert desk.now - start <= 4 / pace(desk) + 2 * desk.params.min_wait
    desk.wipe()


def test_who_cannot_come_back_in_time_for_its_turn_goes_one_interval_early(desk: Desk) -> None:
    """At 100/s an interval is shorter than the shortest wait, so others would always take the turn first."""
    desk.redis.hset(desk.key, mapping={"pace.rate": "100", "pace.settle": "1000"})
    desk.next(Purpose.SUBMIT)
    polls, due = 0, desk.now
    for _ in range(1000):
        desk.after(0.004)
        desk.ask(Purpose.SUBMIT)  # a submit that never waits
        if due <= desk.now:
            answer = desk.ask(Purpose.POLL)
            polls += isinstance(answer, Permit)
            due = answer.until if isinstance(answer, Wait) else desk.now
    assert polls >= 30


def test_who_waited_while_the_lane_was_closed_has_missed_no_turn(desk: Desk) -> None:
    learned(desk, 8.0)
    permit = desk.next(Purpose.SUBMIT)
    for purpose in Purpose:
        desk.refused(purpose)
    desk.report(permit, RATE)
    refuse_again(desk, 3)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), Ok())
    desk.after(0.01)
    assert [type(desk.ask(purpose)) for purpose in Purpose].count(Permit) == 1


def test_who_waited_and_left_holds_nobody_up(desk: Desk) -> None:
    learned(desk, 8.0)
    desk.next(Purpose.SUBMIT)
    desk.refused(Purpose.POLL)  # this caller never comes back
    given = saturate(desk, 5, (Purpose.SUBMIT,)).given
    assert len(given) >= 5 * pace(desk) * 0.9


@pytest.mark.parametrize("purpose", list(Purpose))
def test_alone_each_may_use_the_whole_pace(desk: Desk, purpose: Purpose) -> None:
    learned(desk, 8.0)
    assert len(saturate(desk, 5, (purpose,)).given) == pytest.approx(5 * pace(desk), abs=3)


# What is told to the dispatcher


def test_the_room_is_what_may_go(desk: Desk) -> None:
    room = desk.room(Purpose.SUBMIT)
    answers = [desk.ask(Purpose.SUBMIT) for _ in range(room.now + 1)]
    assert [type(a) for a in answers] == [Permit] * room.now + [Wait]
    assert room.now == 4
    room = desk.room(Purpose.SUBMIT)
    assert room.now == 0
    assert room.next_in == pytest.approx(desk.refused().seconds, abs=1e-5)
    closed_by_poll = desk.next(Purpose.POLL)
    desk.report(closed_by_poll, RATE)
    assert desk.room(Purpose.POLL).now == 0
    desk.after(desk.room(Purpose.POLL).next_in)
    assert desk.room(Purpose.POLL).now == 1  # the probe
    desk.poll()
    assert desk.room(Purpose.POLL).now == 0
    desk.hold()
    assert desk.room(Purpose.POLL).next_in == pytest.approx(DEFAULTS.hold_wait)


def test_the_figures_are_what_was_learned_and_what_is_out(desk: Desk) -> None:
    learned(desk, 5.0)
    desk.gate.adopt(["a", "b"], now=desk.now)
    desk.redis.hset(desk.key, mapping={"jobs.cap": "7"})
    desk.next(Purpose.POLL)
    desk.next(Purpose.SUBMIT)
    figures = desk.figures()
    assert (figures.cap, figures.jobs, figures.requests) == (7, 2, 2)
    assert figures.rate == pytest.approx(5, rel=0.2)
    assert figures.pace == pytest.approx(0.97 * rate(desk), rel=1e-4)
