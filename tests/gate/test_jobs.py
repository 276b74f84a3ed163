"""The cap on jobs at the vendor: how it is learned, kept, raised and healed, in virtual time: docs/gate.md."""

import itertools
from collections.abc import Iterator

import pytest
import redis

from tests.gate.desk import DEFAULTS, FIRST, JOBS, RATE, Desk, closed_by, ended, running
from transcription.gate import GateParams, Ok, Permit, Purpose, Wait

NUMBERS = itertools.count()


def take(desk: Desk, number: int) -> list[str]:
    """Start this many jobs at the vendor. Return their names."""
    names = [f"job-{next(NUMBERS)}" for _ in range(number)]
    for name in names:
        desk.report(desk.next(Purpose.SUBMIT), Ok(name, running=True))
    return names


def too_many(desk: Desk) -> None:
    """Have a submit refused because of the number of jobs. The lane opens with the next submit that is accepted."""
    desk.report(desk.next(Purpose.SUBMIT), JOBS)


def fill(desk: Desk) -> list[Permit]:
    """Take permits for submits until the cap is reached."""
    permits = []
    while True:
        answer = desk.ask(Purpose.SUBMIT)
        if isinstance(answer, Permit):
            permits.append(answer)
        elif answer.reason == "jobs":
            return permits
        else:
            desk.now = answer.until


def capped(desk: Desk, cap: int) -> list[str]:
    """Make the gate learn this cap. It is then open, with as many jobs as the cap. Return their names."""
    jobs = take(desk, cap)
    too_many(desk)
    ended(desk, jobs.pop(0))
    desk.after(FIRST)
    jobs += take(desk, 1)
    assert desk.state().mode == "open"
    assert (desk.figures().cap, desk.figures().jobs) == (cap, cap)
    return jobs


# Counting


def test_a_job_counts_from_its_start_to_its_end(desk: Desk) -> None:
    running(desk, "a")
    running(desk, "b")
    assert desk.figures().jobs == 2
    desk.report(desk.poll(), Ok("a", running=True))  # a poll that finds it running
    assert desk.figures().jobs == 2
    ended(desk, "a")
    ended(desk, "a")
    ended(desk, "unheard of")
    assert desk.figures().jobs == 1


def test_a_job_without_news_is_forgotten_after_its_lease_and_news_renews_it(desk: Desk) -> None:
    running(desk, "lost")
    running(desk, "slow")
    desk.after(desk.params.job_lease - 1)
    desk.report(desk.poll(), Ok("slow", running=True))
    desk.after(1)
    assert desk.figures().jobs == 1
    desk.after(desk.params.job_lease - 1)
    assert desk.figures().jobs == 0


def test_a_leak_heals(desk: Desk) -> None:
    """The jobs and permits of workers that died take up places only until their leases end."""
    capped(desk, 3)
    assert desk.refused().reason == "jobs"
    desk.after(desk.params.job_lease + 1)
    assert len(fill(desk)) == 4  # the cap and one trial; none of these is reported
    assert desk.figures().requests == 4
    desk.after(desk.params.permit_lease)
    assert len(fill(desk)) == 4


@pytest.fixture
def full(known: Desk) -> Desk:
    """A gate whose cap is 2, with the jobs a and b."""
    for job in "ab":
        running(known, job)
    assert known.refused().reason == "jobs"
    return known


def test_a_job_whose_last_report_was_lost_frees_its_place_when_the_database_is_asked(full: Desk) -> None:
    known_at = full.gate.clock(now=full.now)
    full.gate.reconcile(
        {"": ["a"]}, known_at, now=full.now
    )  # b's last report was lost: the database has it as done
    assert full.figures().jobs == 1
    assert full.submit()


def test_a_job_that_the_database_knows_counts_however_long_there_was_no_news(desk: Desk) -> None:
    running(desk, "slow")
    desk.after(desk.params.job_lease + 1)
    desk.gate.reconcile({"": ["slow"]}, desk.gate.clock(now=desk.now), now=desk.now)
    assert desk.figures().jobs == 1


def test_a_job_that_was_accepted_while_the_database_was_read_is_kept(desk: Desk) -> None:
    known_at = desk.gate.clock(now=desk.now)
    desk.after(0.5)
    running(desk, "new")
    desk.gate.reconcile({"": []}, known_at, now=desk.now)
    assert desk.figures().jobs == 1
    desk.after(0.5)
    desk.gate.reconcile({"": []}, desk.gate.clock(now=desk.now), now=desk.now)
    assert desk.figures().jobs == 0


def test_a_job_that_nobody_asks_for_keeps_its_place_for_its_usual_time(full: Desk) -> None:
    last_poll = full.poll()
    full.gate.leave("b", 20, now=full.now)
    full.report(last_poll, Ok("b", running=True))  # was under way; says nothing new
    full.gate.reconcile({"": ["a"]}, full.gate.clock(now=full.now), now=full.now)
    assert full.figures().jobs == 2  # the database does not know it any more, and the vendor still has it
    full.after(19.9)
    assert full.refused().reason == "jobs"
    full.after(0.2)
    assert full.figures().jobs == 1
    assert full.submit()


def test_a_job_that_was_left_and_is_asked_for_again_is_counted_once(desk: Desk) -> None:
    running(desk, "a")
    desk.gate.leave("a", 600, now=desk.now)
    desk.gate.reconcile({"": ["a"]}, desk.gate.clock(now=desk.now), now=desk.now)
    assert desk.figures().jobs == 1
    ended(desk, "a")
    assert desk.figures().jobs == 0


def test_a_job_that_was_left_and_outlives_its_usual_time_counts_again_when_a_poll_finds_it(
    desk: Desk,
) -> None:
    running(desk, "a")
    desk.gate.leave("a", 5, now=desk.now)
    desk.after(6)
    assert desk.figures().jobs == 0
    desk.report(desk.poll(), Ok("a", running=True))
    assert desk.figures().jobs == 1


def test_a_job_that_was_left_and_is_found_ended_frees_its_place(desk: Desk) -> None:
    running(desk, "a")
    desk.gate.leave("a", 600, now=desk.now)
    ended(desk, "a")
    assert desk.figures().jobs == 0
    desk.gate.leave("b", 1e9, now=desk.now)  # of which the gate had not heard: it lost its state
    assert desk.figures().jobs == 1
    desk.after(desk.params.job_lease)
    assert desk.figures().jobs == 0


def test_the_database_is_right_about_the_pools_too(desk: Desk) -> None:
    for pool, job in (("korean", "a"), ("english", "b"), ("english", "c")):
        permit = desk.gate.acquire(Purpose.SUBMIT, pool=pool, now=desk.now)
        assert isinstance(permit, Permit)
        desk.report(permit, Ok(job, running=True))
    desk.gate.leave("c", 30, now=desk.now)  # the gate knows its pool
    known_at = desk.gate.clock(now=desk.now)
    desk.gate.reconcile({"": [], "english": ["a"]}, known_at, now=desk.now)
    counts = {pool: desk.gate.figures(pool=pool, now=desk.now).jobs for pool in ("", "korean", "english")}
    assert counts == {"": 0, "korean": 0, "english": 2}


def test_jobs_from_before_a_lost_state_are_adopted(desk: Desk) -> None:
    running(desk, "a")
    desk.wipe()
    assert desk.figures().jobs == 0
    desk.gate.adopt(["a", "b"], now=desk.now)
    desk.gate.adopt([], now=desk.now)
    assert desk.figures().jobs == 2
    desk.after(desk.params.job_lease - 1)
    desk.gate.adopt(["a"], now=desk.now)  # adopting a known job does not renew its lease
    desk.after(1)
    assert desk.figures().jobs == 0


# Learning the cap


def test_too_many_jobs_makes_the_number_that_is_there_the_cap(desk: Desk) -> None:
    take(desk, 4)
    assert desk.figures().cap is None
    too_many(desk)
    assert desk.figures().cap == 4
    too_many(desk)  # refused at 4 jobs: no trial is due, so a job has ended unnoticed
    assert desk.figures().cap == 4


def test_at_the_cap_a_submit_waits_without_a_closed_gate_and_polls_pass(desk: Desk) -> None:
    jobs = capped(desk, 3)
    wait = desk.refused()
    assert wait.reason == "jobs"
    assert wait.seconds == pytest.approx(desk.params.full_wait, abs=1e-6)
    assert desk.state().mode == "open"
    ended(desk, jobs[0])
    under_way = desk.next(Purpose.SUBMIT)
    assert desk.refused().reason == "jobs"  # a submit under way counts: its job may have started
    desk.report(under_way, Ok())  # the vendor rejected this request, so there is no job
    assert desk.next(Purpose.SUBMIT)


def test_after_a_while_one_more_is_tried_and_patience_doubles_when_it_fails(desk: Desk) -> None:
    jobs = capped(desk, 3)
    patience = desk.params.raise_first
    for _ in range(3):
        waited = desk.now
        trial = desk.next(Purpose.SUBMIT)
        assert desk.now - waited == pytest.approx(patience, abs=1.5)
        assert desk.refused().reason == "jobs"  # only one trial at a time
        desk.report(trial, JOBS)
        ended(desk, jobs.pop())
        desk.after(FIRST)
        jobs += take(desk, 1)
        desk.gate.adopt(jobs, now=desk.now)
        for job in jobs:
            desk.report(desk.next(Purpose.POLL), Ok(job, running=True))
        assert desk.figures().cap == 3
        patience *= 2


def test_a_trial_that_is_taken_raises_the_cap_and_the_second_in_a_row_shortens_the_patience(
    desk: Desk,
) -> None:
    capped(desk, 3)
    take(desk, 1)
    assert desk.figures().cap == 4
    start = desk.now
    take(desk, 1)
    assert desk.now - start == pytest.approx(desk.params.raise_first, abs=1.5)
    assert desk.figures().cap == 5
    start = desk.now
    take(desk, 1)
    assert desk.now - start == pytest.approx(desk.params.raise_first / 4, abs=1.5)


def test_a_trial_that_has_to_wait_for_the_pace_is_not_lost(desk: Desk) -> None:
    capped(desk, 3)
    desk.after(desk.params.raise_first)
    while isinstance(desk.ask(Purpose.POLL), Permit):
        pass
    assert desk.refused().reason == "pace"
    start = desk.now
    desk.next(Purpose.SUBMIT)
    assert desk.now - start < 1


def test_more_jobs_than_the_cap_are_evidence_that_it_is_higher(desk: Desk) -> None:
    capped(desk, 3)
    desk.gate.adopt(["x", "y"], now=desk.now)
    assert desk.figures().cap == 3  # the database may be out of date, so it raises no cap
    desk.report(desk.poll(), Ok("z", running=True))
    assert desk.figures().cap == 6


def test_a_cap_falls_at_once_when_the_vendor_takes_fewer(desk: Desk) -> None:
    jobs = capped(desk, 5)
    for job in jobs[:3]:
        ended(desk, job)
    too_many(desk)
    assert desk.figures().cap == 2


@pytest.fixture
def known(redis_connection: "redis.Redis") -> Iterator[Desk]:
    desk = Desk(redis_connection, "test-known-cap", GateParams(first_cap=2))
    yield desk
    desk.wipe()


def test_a_cap_that_is_known_holds_from_the_first_request_and_is_tried_too(known: Desk) -> None:
    assert known.figures().cap == 2
    assert len(fill(known)) == 2
    start = known.now
    while known.room(Purpose.SUBMIT).now == 0:  # as the dispatcher, which asks for no permit without room
        known.after(known.room(Purpose.SUBMIT).next_in)
    assert known.now - start == pytest.approx(DEFAULTS.raise_first, abs=1.5)
    assert isinstance(known.ask(Purpose.SUBMIT), Permit)


# A 429 without a reason, which may be about jobs


def refusal_with(desk: Desk, jobs: int, purpose: Purpose = Purpose.SUBMIT) -> None:
    """With `jobs` at the vendor, have a request refused without a reason, and the probe after one rest accepted."""
    desk.gate.adopt([f"job-{i}" for i in range(jobs)], now=desk.now)
    desk.report(desk.next(purpose), RATE)
    desk.after(desk.refused(purpose).seconds)
    desk.report(desk.next(purpose), Ok())
    assert desk.state().mode == "open"


def test_the_same_number_of_jobs_three_times_is_the_cap(desk: Desk) -> None:
    for cap in (None, None, 20):
        refusal_with(desk, 20)
        assert desk.figures().cap == cap
    assert desk.refused().reason == "jobs"


def test_an_unnamed_cap_leaves_the_pace_alone(desk: Desk) -> None:
    refusal_with(desk, 20)
    rate = desk.figures().rate
    for _ in range(2):
        refusal_with(desk, 20)
        assert desk.figures().rate == rate


def test_polls_that_are_refused_are_about_no_jobs(desk: Desk) -> None:
    for _ in range(6):
        refusal_with(desk, 20, Purpose.POLL)
    assert desk.figures().cap is None


def test_other_numbers_of_jobs_are_no_cap(desk: Desk) -> None:
    for jobs in (4, 10, 20, 30):
        refusal_with(desk, jobs)
    assert desk.figures().cap is None


def test_a_vendor_that_names_its_cap_is_not_suspected(redis_connection: "redis.Redis") -> None:
    desk = Desk(redis_connection, "test-named-cap", GateParams(unnamed_cap=0))
    for _ in range(6):
        refusal_with(desk, 20)
    assert desk.figures().cap is None
    desk.wipe()


def test_the_lane_of_submits_stays_closed_as_long_as_the_vendor_is_full(desk: Desk) -> None:
    jobs = take(desk, 2)
    closed_by(desk, JOBS)
    desk.after(FIRST)
    answer = desk.ask(Purpose.SUBMIT)
    assert isinstance(answer, Wait)
    assert answer.reason == "jobs"  # no probe either, because no job has ended
    ended(desk, jobs[0])
    probe = desk.submit()
    assert probe.probe
    assert desk.change(probe, Ok("new", running=True)).kind == "opened"


def test_the_room_behind_a_closed_lane_of_submits_is_one_probe_and_knows_of_cap_and_pace(desk: Desk) -> None:
    jobs = take(desk, 2)
    too_many(desk)
    desk.after(FIRST)
    assert desk.room(Purpose.SUBMIT).now == 0  # the vendor is full
    ended(desk, jobs[0])
    desk.after(1)
    assert desk.room(Purpose.SUBMIT).now == 1
    while isinstance(desk.ask(Purpose.POLL), Permit):
        pass
    assert desk.refused().reason == "pace"
    assert desk.room(Purpose.SUBMIT).now == 0


def test_the_permits_of_the_dead_do_not_fill_the_cap_when_the_clock_steps_back(desk: Desk) -> None:
    for job in capped(desk, 2):
        ended(desk, job)
    assert len(fill(desk)) == 2  # none of these is reported
    desk.after(-86_400)
    desk.after(desk.params.permit_lease)
    assert desk.in_flight() == 0
    assert len(fill(desk)) >= 2


def test_the_room_is_no_larger_than_the_places_that_are_free(desk: Desk) -> None:
    jobs = capped(desk, 5)
    desk.after(10)
    for free in (1, 2):
        ended(desk, jobs.pop())
        desk.after(1)
        assert desk.room(Purpose.SUBMIT).now == free
    assert desk.room(Purpose.POLL).now > 2


def test_the_trial_of_one_more_is_not_put_off_when_the_clock_steps_back(desk: Desk) -> None:
    jobs = capped(desk, 3)
    desk.after(-86_400)
    for job in jobs:
        desk.report(desk.next(Purpose.POLL), Ok(job, running=True))
    assert desk.refused().reason == "jobs"
    start = desk.now
    desk.next(Purpose.SUBMIT)
    assert desk.now - start <= desk.params.raise_first + 1.5
