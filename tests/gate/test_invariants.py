"""Random histories of callers, vendors, clocks and lost state, on the real script in virtual time (docs/gate.md).

A comment with a number marks where the test checks one of these invariants:

     1  no permit while an administrator holds the gate, or before the time of a lane's next try
     2  at most one probe of a lane is out
     3  within a closing, the time of the next try never moves back
     4  one reaction to an epoch: only a fresh refusal of the lane begins a new epoch, and with it a new pause
     5  permits keep to the pace
     6  if the vendor answers from now on, the gate is open again in bounded time and after few questions
     7  every change is returned exactly once, in order, and says what the state says
     8  every wait is positive and bounded
     9  only a fresh answer opens a lane, and only to a request that the lane let pass
    10  a report counts once
    11  no caller waits for a lane, pace or cap that its purpose does not need
    12  the jobs at the vendor are counted, and never exceed the cap by more than one trial
"""

import itertools
import os
from dataclasses import dataclass

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.gate.desk import Desk, LaneRecord
from transcription.gate import (
    Answered,
    GateChange,
    Ok,
    Outcome,
    Permit,
    Purpose,
    Refused,
    Unavailable,
    Unused,
    Wait,
)

LANES = ("all", "submit")
NUMBERS = itertools.count()

headers = st.none() | st.sampled_from([0.0, 0.3, 1.5, 7.0, 40.0, 5000.0])
names = st.sampled_from([f"job-{i}" for i in range(6)])
outcomes = st.one_of(
    st.just(Ok()),
    st.builds(Ok, names, st.just(True)),
    st.builds(Ok, names, st.just(True)),
    st.builds(Ok, names),
    st.just(Unused()),
    st.builds(Refused, st.sampled_from(["all", "submit", "quota", "credentials"]), headers),
    st.builds(Refused, st.just("all"), headers),
    st.builds(Unavailable, st.none() | headers, st.booleans()),
    st.builds(Unavailable, st.none(), st.just(True)),
    st.just(Answered()),
)
purposes = st.sampled_from(list(Purpose))
steps = st.sampled_from([0.0, 0.000_001, 0.2, 1.0, 4.8, 5.0, 8.0, 20.0, 60.0, 130.0, 900.0])


@dataclass
class Out:
    """A permit, and the epochs of the lanes and the end of its lease when it was given."""

    permit: Permit
    epochs: dict[str, int]
    lease: float
    gone: bool = False  # reported, or its state was lost

    def passed(self, lane: str) -> bool:
        return lane == "all" or self.permit.purpose is Purpose.SUBMIT


def pace_of(desk: Desk) -> float:
    """Return the requests/s allowed now, read from the hash: `figures` has no pace before a rate was measured."""
    if (pace := desk.figures().pace) is not None:
        return pace
    params = desk.params
    return min(
        params.pace_max, params.pace_start * 2 ** (float(desk.field("pace.busy") or 0) / params.pace_double)
    )


class GateMachine(RuleBasedStateMachine):
    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.client, f"machine-{os.getpid()}-{next(NUMBERS)}")
        self.out: list[Out] = []
        self.told = "opened"
        self.version = self.desk.state().version
        self.episode = 0
        self.held = False
        # By lane, the time before which it may give no permit, computed from the reports alone.
        self.banned = dict.fromkeys(LANES, 0.0)
        # By lane, the id of the probe that is out, and the end of its lease.
        self.probes: dict[str, tuple[str, float]] = {}
        # By job at the vendor, the end of its lease. None after the clock stepped back, when the count is not
        # checked.
        self.jobs: dict[str, float] | None = {}
        # The same of the jobs that nobody asks for any more.
        self.left: dict[str, float] = {}
        # By job, the time of the last news of it.
        self.news: dict[str, float] = {}
        self.trial = -1e9  # when one job more than the cap was last tried
        # The permits since the lane `all` last opened: when each was given, and the interval of the pace at that
        # time. Cleared when the clock steps back or the state is lost, because the pace starts anew then.
        self.given: list[tuple[float, float]] = []

    # What can happen

    @initialize(wild=st.booleans())
    def how(self, wild: bool) -> None:
        """Only in half of the histories do admins and clocks act: they cut short what a history can reach."""
        self.wild = wild

    @rule(dt=steps)
    def wait(self, dt: float) -> None:
        self.desk.after(dt)

    @rule(purpose=purposes, count=st.integers(1, 4))
    def ask(self, purpose: Purpose, count: int) -> None:
        for _ in range(count):
            self._ask(purpose)

    @rule(purpose=purposes, outcome=st.none() | outcomes, took=st.sampled_from([0.0, 0.3, 61.0]))
    def ask_and_obey(self, purpose: Purpose, outcome: Outcome | None, took: float) -> None:
        """Act as a usual caller: come back at the time that was told, and report unless it died (no `outcome`)."""
        answer = self._ask(purpose)
        if isinstance(answer, Wait):
            self.desk.now = answer.until
            answer = self._ask(purpose)
        if outcome and isinstance(answer, Permit):
            self.desk.after(took)
            self._report(self.out[-1], outcome)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=outcomes)
    def report_any(self, data: st.DataObject, outcome: Outcome) -> None:
        """Report any permit: under way, expired, or reported before."""
        self._report(data.draw(st.sampled_from(self.out)), outcome)

    @precondition(lambda self: self.out)
    @rule(outcome=outcomes)
    def report_newest(self, outcome: Outcome) -> None:
        self._report(self.out[-1], outcome)

    @rule(refusals=st.lists(headers, min_size=6, max_size=6), before=st.integers(0, 4))
    def burst(self, refusals: list[float | None], before: int) -> None:
        """Refuse everything under way at once. 4: one new epoch and at most one new episode."""
        episode, epoch = self.episode, int(self.desk.field("gate.epoch") or 0)
        for _ in range(before):
            self._ask(Purpose.POLL)
        for out, header in zip(self.out[-6:], refusals, strict=False):
            self._report(out, Refused("all", header))
        assert int(self.desk.field("gate.epoch") or 0) <= epoch + 1
        assert self.episode <= episode + 1

    @rule(names=st.lists(names, max_size=6))
    def adopt(self, names: list[str]) -> None:
        self.desk.gate.adopt(names, now=self.desk.now)
        if self.jobs is not None:
            self._over()
            for name in names:
                self._adopted(name)
            self._counted()

    @rule(names=st.lists(names, max_size=6), ago=st.sampled_from([0.0, 0.5, 20.0]))
    def reconcile(self, names: list[str], ago: float) -> None:
        """Tell the gate what the database knew `ago` seconds before. 12: no place leaks, and none is lost."""
        known_at = self.desk.now - ago
        self.desk.gate.reconcile({"": names}, known_at, now=self.desk.now)
        if self.jobs is None:
            return
        self._over()
        for name in names:
            self._adopted(name)
        for name in [*self.jobs]:
            if name not in names and self.news[name] <= known_at:
                del self.jobs[name]
        self._counted()

    @rule(name=names, seconds=st.sampled_from([0.0, 3.0, 50.0, 5000.0]))
    def leave(self, name: str, seconds: float) -> None:
        self.desk.gate.leave(name, seconds, now=self.desk.now)
        if self.jobs is not None:
            self.jobs.pop(name, None)
            self.left[name] = self.desk.now + min(seconds, self.desk.params.job_lease)
            self._counted()

    @rule(purpose=purposes)
    def spin(self, purpose: Purpose) -> None:
        """Ask as often as allowed, with every request answered."""
        for _ in range(12):
            answer = self._ask(purpose)
            if isinstance(answer, Wait):
                if answer.reason != "pace":
                    break
                self.desk.now = answer.until
            else:
                self._report(self.out[-1], Ok())

    @precondition(lambda self: self.wild)
    @rule()
    def hold(self) -> None:
        self._changed(self.desk.hold())
        self.held = True

    @precondition(lambda self: self.wild)
    @rule()
    def resume(self) -> None:
        self._changed(self.desk.resume())
        self._forget_bans()
        self.probes = {}
        self.given = []
        self.held = False
        assert self.desk.state().mode == "open"

    @precondition(lambda self: self.wild)
    @rule(back=st.sampled_from([0.5, 30.0, 4000.0, 1e6]))
    def clock_steps_back(self, back: float) -> None:
        self.desk.after(-back)
        self._forget_bans()
        self.given, self.jobs, self.left = [], None, {}
        if not self.episode:  # before the first change the version is the clock
            self.version = self.desk.state().version
        self.probes = {
            lane: (who, min(end, self.desk.now + self.desk.probe_lease(lane)))
            for lane, (who, end) in self.probes.items()
        }

    @precondition(lambda self: self.wild)
    @rule()
    def state_is_lost(self) -> None:
        self.desk.wipe()
        for out in self.out:
            out.gone = True
        self._forget_bans()
        self.probes = {}
        self.given, self.jobs, self.trial = [], {}, -1e9
        self.left = {}
        self.told, self.held, self.episode = "opened", False, 0
        self.version = self.desk.state().version
        assert self.desk.state().mode == "open"

    def teardown(self) -> None:
        """6: from now on the vendor answers, so the gate opens in bounded time."""
        if self.held:
            self.resume()
        start, params, rounds = self.desk.now, self.desk.params, 0
        while any(lane.closed for lane in self._lanes().values()):
            waits = []
            for lane, purpose in (("all", Purpose.POLL), ("submit", Purpose.SUBMIT)):
                answer = self._ask(purpose) if self.desk.lane(lane).closed else None
                if isinstance(answer, Permit):
                    self._report(self.out[-1], Ok())
                elif answer:
                    waits.append(answer.seconds)
                    rounds += answer.reason not in ("jobs", "pace")
            assert rounds < 40
            self.desk.after(min(waits, default=0.2))
            assert (
                self.desk.now - start <= params.longest_wait + params.permit_lease + params.job_lease + 1000
            )
        assert self.desk.state().mode == "open"
        start, limit = self.desk.now, 20 / pace_of(self.desk) + params.job_lease + params.permit_lease + 10
        while isinstance(
            answer := self._ask(Purpose.SUBMIT), Wait
        ):  # 12: leaked jobs and permits have expired by then
            self.desk.now = answer.until
            assert self.desk.now - start <= limit
        self.desk.wipe()

    # What must hold

    def _ask(self, purpose: Purpose) -> Permit | Wait:
        desk, before = self.desk, self._lanes()
        room, interval = desk.room(purpose), 1 / pace_of(desk)
        taken = desk.figures().jobs + self._submits()
        answer = desk.ask(purpose)
        lanes = LANES if purpose is Purpose.SUBMIT else LANES[:1]
        if isinstance(answer, Wait):
            assert 0 < answer.seconds <= desk.params.longest_wait + 1e-4  # 8
            assert answer.until == pytest.approx(desk.now + answer.seconds, abs=2e-6)
            assert room.now == 0  # the dispatcher is told the same
            if not self.held and not any(before[lane].closed for lane in lanes):
                # 11: in an open lane only the pace and the cap make a caller wait
                assert answer.reason == "pace" or (answer.reason == "jobs" and purpose is Purpose.SUBMIT)
                pace = pace_of(desk)
                longest = max(desk.params.pace_wait, 1 / pace, desk.params.full_wait)
                assert answer.seconds <= longest * 1.001  # times are rounded to six decimals
            return answer
        assert room.now >= 1
        if not before["all"].closed:
            self._spent(interval)
        if purpose is Purpose.SUBMIT:
            self._took_a_place(taken)
        for out in self.out:
            out.gone |= out.lease <= desk.now - desk.params.forget + 1e-6
        assert not self.held  # 1
        assert answer.probe == any(before[lane].closed for lane in lanes)
        for lane in lanes:
            if not before[lane].closed:
                continue
            assert desk.now >= before[lane].till  # 1
            assert desk.now >= self.banned[lane]
            assert lane not in self.probes or self.probes[lane][1] <= desk.now  # 2
            self.probes[lane] = (answer.id, desk.now + desk.probe_lease(lane))
        epochs = {lane: before[lane].epoch for lane in LANES}
        self.out.append(Out(answer, epochs, desk.now + desk.params.permit_lease))
        return answer

    def _report(self, out: Out, outcome: Outcome) -> None:
        desk, before = self.desk, self._lanes()
        desk.state()  # any call corrects times after the clock stepped back; do that before `everything` is read
        everything = desk.everything()
        change = desk.report(out.permit, outcome)
        if out.gone:
            assert change is None  # 10
            assert desk.everything() == everything
            return
        out.gone = True
        self._job(outcome)
        self.probes = {lane: x for lane, x in self.probes.items() if x[0] != out.permit.id}
        after = self._lanes()
        if before["all"].closed and not after["all"].closed:
            self.given = []
        for lane in LANES:
            self._lane_changed(out, outcome, lane, before[lane], after[lane])
            if not after[lane].closed or after[lane].epoch != before[lane].epoch:
                self.probes.pop(lane, None)
        self._changed(change)

    def _lane_changed(
        self, out: Out, outcome: Outcome, lane: str, before: LaneRecord, after: LaneRecord
    ) -> None:
        now, params = self.desk.now, self.desk.params
        fresh = out.lease > now and out.epochs[lane] == before.epoch
        bad = isinstance(outcome, Refused | Unavailable)
        header = outcome.retry_after_s if isinstance(outcome, Refused | Unavailable) else None
        meant = (
            bad and ("submit" if getattr(outcome, "scope", "all") in ("submit", "quota") else "all") == lane
        )
        # The vendor may have the job, so the next submits are held as well.
        unknown = isinstance(outcome, Unavailable) and outcome.unknown
        meant = meant or (lane == "submit" and unknown and out.permit.purpose is Purpose.SUBMIT)
        floor = 0.0 if header is None else now + min(header, params.retry_after_cap) + params.margin
        if before.closed and not after.closed:  # 9
            assert fresh
            assert out.passed(lane)
            assert not meant
            assert isinstance(outcome, Ok) or (lane == "all" and isinstance(outcome, Refused | Answered))
            assert before.till <= now
        if not before.closed and after.closed:
            assert fresh
            assert meant
        if after.epoch != before.epoch:  # 4
            assert after.epoch > before.epoch
            assert fresh
            assert meant
            assert after.till >= now + (0 if header is not None else params.rest_min) - 2e-6
        elif after.closed:
            assert after.pause == before.pause
        if before.closed and after.closed:
            assert after.till >= before.till  # 3
        if meant and fresh and isinstance(outcome, Refused) and (not before.closed or out.passed(lane)):
            assert after.closed
            assert after.epoch > before.epoch
        if meant and after.closed and header is not None:
            assert after.till >= floor - 2e-6  # a late Retry-After counts too
            self.banned[lane] = max(self.banned[lane], floor - 2e-6)
        if not after.closed:
            self.banned[lane] = 0.0

    def _changed(self, change: GateChange | None) -> None:
        """7: check the change that was returned, and the state, against what was told before."""
        state = self.desk.state()
        if change is not None:
            assert change.state == state
            allowed = {"opened": ("closed",), "closed": ("moved", "opened"), "moved": ("moved", "opened")}
            assert change.kind in allowed[self.told]
            assert state.version > self.version
            assert self.version + 1 == state.version or self.episode == 0
            self.episode += change.kind == "closed"
            self.told, self.version = change.kind, state.version
        assert (self.told == "opened") == (state.mode == "open")
        assert state.episode == self.episode

    def _spent(self, interval: float) -> None:
        """5: in every span up to now, the intervals of the permits sum to at most the span and a burst."""
        desk = self.desk
        assert (
            1 / desk.params.pace_max - 1e-9
            <= interval
            <= 1 / (desk.params.pace_min * desk.params.pace_below) + 1e-6
        )
        self.given.append((desk.now, interval))
        slack = (
            desk.params.pace_burst
            if desk.figures().rate is None
            else max(interval / 2, desk.params.pace_late)
        )
        total = longest = 0.0
        for at, each in reversed(self.given):
            total, longest = total + each, max(longest, each)
            assert total <= desk.now - at + max(slack, desk.params.pace_burst) + 3 * longest + 1e-4

    def _took_a_place(self, taken: int) -> None:
        """12: at the cap only a trial may pass, and not soon after the one before."""
        desk, cap = self.desk, self.desk.figures().cap
        if cap is None or taken < cap:
            return
        assert taken == cap
        assert desk.now - self.trial >= desk.params.raise_min - 1e-4
        self.trial = desk.now

    def _job(self, outcome: Outcome) -> None:
        """12: every job counts from its start to its end, or to the end of its lease."""
        if self.jobs is None:
            return
        if isinstance(outcome, Ok) and outcome.job and outcome.running:
            if self.left.get(outcome.job, 0.0) <= self.desk.now:
                self.left.pop(outcome.job, None)
                self.jobs[outcome.job] = self.desk.now + self.desk.params.job_lease
                self.news[outcome.job] = self.desk.now
                self._over()
        elif isinstance(outcome, Ok) and outcome.job:
            self.jobs.pop(outcome.job, None)
            self.left.pop(outcome.job, None)
        self._counted()

    def _over(self) -> None:
        """Forget the jobs whose leases are over, as the gate does when it hears of jobs."""
        assert self.jobs is not None
        self.jobs = {name: end for name, end in self.jobs.items() if end > self.desk.now}
        self.left = {name: end for name, end in self.left.items() if end > self.desk.now}

    def _adopted(self, name: str) -> None:
        assert self.jobs is not None
        self.left.pop(name, None)
        if name not in self.jobs:
            self.jobs[name] = self.desk.now + self.desk.params.job_lease
            self.news[name] = self.desk.now

    def _counted(self) -> None:
        if self.jobs is not None:
            ends = [*self.jobs.values(), *self.left.values()]
            assert self.desk.figures().jobs == sum(end > self.desk.now for end in ends)

    def _submits(self) -> int:
        """Return the number of permits for submits that are out. One with too long a lease predates a step back."""
        end = self.desk.now + self.desk.params.permit_lease + 1e-5
        return self.desk.redis.zcount(self.desk.key + ":submits", f"({self.desk.now:.6f}", f"{end:.6f}")

    def _lanes(self) -> dict[str, LaneRecord]:
        return {lane: self.desk.lane(lane) for lane in LANES}

    def _forget_bans(self) -> None:
        self.banned = dict.fromkeys(LANES, 0.0)


def test_the_invariants_hold_whatever_happens(redis_connection: "redis.Redis") -> None:
    class Machine(GateMachine):
        pass

    Machine.client = redis_connection
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
