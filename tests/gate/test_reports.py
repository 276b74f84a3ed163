"""What a report changes, and what it must not change, in virtual time: docs/gate.md."""

import pytest

from tests.gate.desk import (
    CREDENTIALS,
    DEFAULTS,
    FIRST,
    JOBS,
    QUOTA,
    RATE,
    START,
    Desk,
    closed_by,
    open_again,
    refuse_again,
)
from transcription.gate import Answered, Ok, Outcome, Permit, Purpose, Refused, Unavailable, Unused

UNKNOWN = Unavailable(unknown=True)

# One episode, one reaction


def test_a_burst_of_429s_is_one_episode(desk: Desk) -> None:
    permits = [desk.next(Purpose.SUBMIT) for _ in range(20)]
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
    assert desk.report(latest, Refused("all", 3)) is None  # never moves the next try back
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
    desk.after(desk.params.permit_lease)
    closed_by(desk, RATE)
    assert desk.change(dead, Refused("all", 30)).kind == "moved"
    assert desk.report(dead, Refused("all", 90)) is None
    assert desk.refused().seconds == pytest.approx(30.25, abs=1e-6)
    desk.after(desk.params.forget)
    assert desk.change(desk.submit(), Ok()).kind == "opened"
    assert desk.everything()[1] == [[], [], []]  # nothing is kept for ever
    assert desk.report(forgotten, RATE) is None


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
    polls = [desk.next(Purpose.POLL) for _ in range(10)]
    assert not any(p.probe for p in polls)
    assert [desk.report(p, Ok()) for p in polls] == [
        None
    ] * 10  # a poll does not pass `submit`, so it cannot open it
    assert desk.state().scope == "submit"
    desk.after(FIRST)
    assert desk.report(desk.poll(), Ok()) is None  # nor when the next try is due
    assert desk.report(desk.poll(), JOBS) is None  # nor does a refused poll lengthen the pause
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


def test_refused_credentials_stop_everything_and_are_tried_ever_more_rarely(desk: Desk) -> None:
    change = desk.change(desk.poll(), CREDENTIALS)
    assert (change.kind, change.state.scope, change.state.reason) == ("closed", "all", "credentials")
    assert change.state.stops(Purpose.POLL)
    assert desk.refused().seconds == pytest.approx(5, abs=1e-6)
    waits = refuse_again(desk, 9, CREDENTIALS)
    assert waits == pytest.approx([10, 20, 40, 80, 160, 320, 600, 600, 600], abs=1e-5)
    assert desk.state().episode == 1
    desk.after(600)
    assert desk.change(desk.submit(), Ok()).kind == "opened"  # any answer shows that the account is let in
    closed_by(desk, CREDENTIALS)
    assert desk.refused().seconds == pytest.approx(5, abs=1e-6)  # it starts anew
    assert desk.resume() is not None
    assert desk.submit()


def test_refused_credentials_teach_nothing_about_speed(desk: Desk) -> None:
    closed_by(desk, RATE)
    open_again(desk)
    closed_by(desk, RATE)
    open_again(desk)
    rate = desk.figures().rate
    assert rate is not None
    closed_by(desk, RATE)
    desk.after(desk.refused().seconds)
    desk.report(desk.submit(), CREDENTIALS)
    desk.after(desk.refused().seconds)
    assert desk.change(desk.submit(), RATE).state.reason == "rate"
    assert desk.refused().seconds < 5  # the next pause is that of a refusal for speed
    desk.after(3600)
    assert desk.change(desk.submit(), Ok()).kind == "opened"
    assert desk.figures().rate == rate


def test_unavailable_closes_after_three_in_a_row(desk: Desk) -> None:
    def fail() -> None:
        assert desk.report(desk.next(Purpose.SUBMIT), Unavailable()) is None

    fail()
    fail()
    desk.report(desk.poll(), Ok())  # an answer in between
    fail()
    fail()
    assert desk.change(desk.next(Purpose.SUBMIT), Unavailable()).state.reason == "unavailable"
    desk.refused(Purpose.POLL)
    desk.after(FIRST)
    assert desk.report(desk.submit(), Unavailable()) is None  # the next try moved by less than `moved_step`
    assert desk.refused().seconds == pytest.approx(FIRST * DEFAULTS.growth, abs=1e-6)


def test_submits_of_unknown_outcome_close_the_submits_while_polls_are_answered(desk: Desk) -> None:
    for _ in range(2):
        assert desk.report(desk.next(Purpose.SUBMIT), UNKNOWN) is None
        desk.report(desk.next(Purpose.POLL), Ok())
    change = desk.change(desk.next(Purpose.SUBMIT), UNKNOWN)
    assert (change.state.scope, change.state.reason) == ("submit", "unavailable")
    assert desk.refused().seconds == pytest.approx(DEFAULTS.unknown_pause, abs=1e-6)
    assert not desk.next(Purpose.POLL).probe


@pytest.mark.parametrize("answer", [Ok(), RATE])
def test_an_answered_submit_ends_the_count_of_unknown_ones(desk: Desk, answer: Outcome) -> None:
    for _ in range(2):
        desk.report(desk.next(Purpose.SUBMIT), UNKNOWN)
        desk.report(desk.next(Purpose.POLL), Ok())
    desk.report(desk.next(Purpose.SUBMIT), answer)
    while desk.state().mode != "open":
        desk.report(desk.next(Purpose.POLL), Ok())
    for _ in range(2):
        desk.report(desk.next(Purpose.SUBMIT), UNKNOWN)
        desk.report(desk.next(Purpose.POLL), Ok())
    assert desk.state().mode == "open"


def test_audio_is_a_probe_rarely_and_alone(desk: Desk) -> None:
    for _ in range(3):
        desk.report(desk.next(Purpose.SUBMIT), UNKNOWN)
        desk.report(desk.next(Purpose.POLL), Ok())
    waits = []
    for _ in range(7):
        desk.report(desk.next(Purpose.SUBMIT), UNKNOWN)
        while desk.lane("all").closed:
            desk.report(desk.next(Purpose.POLL), Ok())
        waits.append(desk.lane("submit").till - desk.now)
    assert waits == pytest.approx([20, 40, 80, 160, 300, 300, 300], abs=1.5)
    probe = desk.next(Purpose.SUBMIT)
    desk.after(DEFAULTS.permit_lease - 1)
    assert desk.refused().reason == "unavailable"  # the vendor may still answer the first
    assert desk.change(probe, Ok("job", running=True)).kind == "opened"


def test_the_probe_of_a_vendor_that_is_away_asks_and_submits_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.report(desk.next(Purpose.SUBMIT), UNKNOWN)
    assert desk.state().scope == "all"
    desk.after(DEFAULTS.unknown_pause)
    probe = desk.submit()
    assert (probe.probe, probe.away) == (True, "all")

    change = desk.change(probe, Answered())

    assert (change.kind, change.state.scope, change.state.reason) == ("moved", "submit", "unavailable")
    audio = desk.next(Purpose.SUBMIT)
    assert (audio.probe, audio.away) == (True, "submit")
    assert desk.change(audio, Ok("job", running=True)).kind == "opened"
    assert desk.next(Purpose.SUBMIT).away is None


def test_the_probe_of_another_closing_is_not_of_a_vendor_that_is_away(desk: Desk) -> None:
    closed_by(desk, RATE)
    probe = desk.next(Purpose.SUBMIT)
    assert (probe.probe, probe.away) == (True, None)


def test_a_late_answer_does_not_hide_that_the_vendor_is_away(desk: Desk) -> None:
    dead = desk.poll()
    desk.after(desk.params.permit_lease)
    for _ in range(2):
        desk.report(desk.submit(), Unavailable())
    desk.report(dead, Ok())
    assert desk.change(desk.submit(), Unavailable()).kind == "closed"


def test_a_stale_429_is_an_answer_and_ends_the_count_of_those_without_one(desk: Desk) -> None:
    late = desk.submit()
    closed_by(desk, RATE)
    open_again(desk)
    for _ in range(2):
        assert desk.report(desk.next(Purpose.SUBMIT), Unavailable()) is None
    assert desk.report(late, RATE) is None
    assert desk.report(desk.next(Purpose.SUBMIT), Unavailable()) is None
    assert desk.state().mode == "open"


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
    assert desk.refused(Purpose.SUBMIT).seconds == pytest.approx(60.25 - FIRST, abs=1e-6)
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
    assert desk.lane("submit").pause == FIRST  # the refusal was not about jobs, so this pause stays
    desk.after(desk.params.lost_pause)
    assert desk.change(desk.submit(), Ok()).kind == "opened"  # it was the probe of both
