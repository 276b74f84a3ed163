"""Pools: a vendor that counts the jobs of each model apart, in virtual time: docs/gate.md."""

from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.gate.desk import JOBS, QUOTA, RATE, START, Desk
from transcription.gate import GateChange, GateParams, GateState, Ok, Outcome, Permit, Purpose, Wait

TEN, TWO = "sommers", "whisper"
PARAMS = GateParams(first_caps={TEN: 10, TWO: 2}, unnamed_cap=0)


@pytest.fixture
def two(redis_connection: "redis.Redis") -> Iterator[Desk]:
    desk = Desk(redis_connection, "test-pools", PARAMS)
    desk.wipe()
    yield desk
    desk.wipe()


def ask(desk: Desk, pool: str, purpose: Purpose = Purpose.SUBMIT) -> Permit | Wait:
    return desk.gate.acquire(purpose, pool=pool, now=desk.now)


def permit(desk: Desk, pool: str, purpose: Purpose = Purpose.SUBMIT) -> Permit:
    """Return a permit, after as many waits for the pace as the gate tells."""
    while isinstance(answer := ask(desk, pool, purpose), Wait):
        assert answer.reason == "pace"
        desk.now = answer.until
    return answer


def take(desk: Desk, pool: str, names: str) -> None:
    for name in names.split():
        desk.report(permit(desk, pool), Ok(name, running=True))


def jobs(desk: Desk, pool: str) -> int:
    return desk.gate.figures(pool=pool, now=desk.now).jobs


def cap(desk: Desk, pool: str) -> int | None:
    return desk.gate.figures(pool=pool, now=desk.now).cap


def shown_to(desk: Desk, pool: str | None = None) -> GateState:
    return desk.gate.state(pool, now=desk.now)


def reopened(desk: Desk, pool: str, outcome: Outcome) -> GateChange | None:
    """Wait until the pool's lane lets a submit through, and report this outcome of it."""
    while isinstance(answer := ask(desk, pool), Wait):
        desk.now = answer.until
    return desk.report(answer, outcome)


def test_each_pool_has_the_cap_that_is_known_of_it_and_counts_its_own_jobs(two: Desk) -> None:
    take(two, TWO, "a b")
    wait = ask(two, TWO)
    assert isinstance(wait, Wait)
    assert wait.reason == "jobs"
    assert (jobs(two, TWO), jobs(two, TEN), cap(two, TWO), cap(two, TEN)) == (2, 0, 2, 10)
    take(two, TEN, "c d e f g h i j k l")
    assert isinstance(ask(two, TEN), Wait)
    two.report(permit(two, TWO, Purpose.POLL), Ok("a"))
    assert (jobs(two, TWO), jobs(two, TEN)) == (1, 10)
    assert permit(two, TWO)


def test_the_room_is_that_of_the_pool(two: Desk) -> None:
    take(two, TWO, "a b")
    assert two.gate.room(Purpose.SUBMIT, pool=TWO, now=two.now).now == 0
    two.after(10)
    assert two.gate.room(Purpose.SUBMIT, pool=TEN, now=two.now).now > 1


def test_too_many_jobs_lower_the_cap_of_their_pool_and_close_its_lane_only(two: Desk) -> None:
    take(two, TEN, "a b c")
    take(two, TWO, "x")
    closed = two.change(permit(two, TWO), JOBS)
    assert (closed.kind, closed.lane, closed.state.pool, closed.state.reason) == (
        *("closed", "submit", TWO, "concurrency"),
    )
    assert (cap(two, TWO), cap(two, TEN)) == (1, 10)
    assert shown_to(two, TWO).mode == "blocked"
    assert shown_to(two, TEN).mode == "open"
    assert shown_to(two).pool == TWO  # without a pool: the worst one
    assert isinstance(ask(two, TWO), Wait)
    take(two, TEN, "d")
    two.report(permit(two, TWO, Purpose.POLL), Ok("x"))  # polls go on
    opened = reopened(two, TWO, Ok("y", running=True))
    assert opened is not None
    assert (opened.kind, opened.lane, opened.state.pool) == ("opened", "submit", TWO)
    assert shown_to(two).mode == "open"


def test_a_refusal_for_speed_or_quota_closes_the_account_for_all_pools(two: Desk) -> None:
    for outcome, polls_wait in (RATE, True), (QUOTA, False):
        change = two.change(permit(two, TWO), outcome)
        assert (change.kind, change.state.pool) == ("closed", "")
        assert shown_to(two, TEN) == shown_to(two, TWO) == change.state
        assert isinstance(ask(two, TEN), Wait)
        poll = ask(two, TEN, Purpose.POLL)
        assert (isinstance(poll, Wait) and poll.reason != "pace") is polls_wait
        opened = reopened(two, TEN, Ok())  # the probe may be of any pool
        assert opened is not None
        assert (opened.kind, opened.state.pool) == ("opened", "")
        two.after(5)


def test_the_account_is_shown_before_the_pool_and_the_pool_after_it(two: Desk) -> None:
    take(two, TWO, "x")
    pool_closed = two.change(permit(two, TWO), JOBS)
    both_closed = two.change(permit(two, TEN), RATE)
    assert (both_closed.state.pool, both_closed.state.episode, pool_closed.state.episode) == ("", 1, 1)
    assert both_closed.state.version == pool_closed.state.version + 1
    assert shown_to(two, TWO).reason == "rate"
    opened = reopened(two, TEN, Ok())
    assert opened is not None
    assert (opened.kind, opened.state.pool, opened.also) == ("opened", "", ())
    assert shown_to(two, TWO).reason == "concurrency"
    assert shown_to(two, TEN).mode == "open"


def test_one_answer_may_open_the_account_and_the_pool_which_are_two_changes_for_one_caller(two: Desk) -> None:
    take(two, TWO, "x")
    two.change(permit(two, TWO), JOBS)
    two.change(permit(two, TEN), RATE)
    two.report(permit_after(two, Purpose.POLL), Ok("x"))
    two.change(permit(two, TEN), RATE)
    opened = reopened(two, TWO, Ok("y", running=True))
    assert opened is not None
    kinds = [(change.kind, change.state.pool) for change in (opened, *opened.also)]
    assert kinds == [("opened", ""), ("opened", TWO)]


def permit_after(desk: Desk, purpose: Purpose) -> Permit:
    while isinstance(answer := ask(desk, TWO, purpose), Wait):
        desk.now = answer.until
    return answer


def test_too_many_jobs_do_not_say_that_there_is_quota_again(two: Desk) -> None:
    two.change(permit(two, TEN), QUOTA)
    change = reopened(two, TWO, JOBS)
    assert change is not None
    states = two.gate.states(now=two.now)
    assert (states[""].reason, states[TWO].reason) == ("quota", "concurrency")
    assert isinstance(ask(two, TEN), Wait)


def test_a_resume_opens_all_pools_and_a_hold_is_the_accounts(two: Desk) -> None:
    take(two, TEN, "a")
    take(two, TWO, "x")
    two.change(permit(two, TWO), JOBS)
    two.change(permit(two, TEN), JOBS)
    held = two.hold()
    assert held is not None
    assert (held.kind, held.state.pool, held.also) == ("closed", "", ())
    resumed = two.resume()
    assert resumed is not None
    pools = [change.state.pool for change in (resumed, *resumed.also) if change.kind == "opened"]
    assert sorted(pools) == ["", TEN, TWO]
    assert shown_to(two).mode == "open"


def test_an_unexplained_refusal_is_measured_against_the_jobs_of_its_pool(
    redis_connection: "redis.Redis",
) -> None:
    desk = Desk(redis_connection, "test-pools-unnamed", GateParams(first_caps={TEN: 50}))
    desk.wipe()
    desk.gate.adopt([f"job-{n}" for n in range(30)], pool=TEN, now=desk.now)
    desk.gate.adopt([f"other-{n}" for n in range(5)], pool=TWO, now=desk.now)
    for _ in range(3):
        desk.report(permit(desk, TWO), RATE)
        reopened(desk, TEN, Ok())  # the probe that opens is of the other pool
        desk.after(5)
    assert (cap(desk, TWO), cap(desk, TEN)) == (5, 50)
    desk.wipe()


def test_a_permit_of_a_dead_worker_counts_in_its_pool_until_its_lease_ends(two: Desk) -> None:
    permit(two, TWO), permit(two, TWO)
    assert isinstance(ask(two, TWO), Wait)
    assert two.figures().requests == 2
    two.after(PARAMS.permit_lease)
    assert permit(two, TWO)


def test_jobs_that_were_counted_in_another_pool_move(two: Desk) -> None:
    two.gate.adopt(["a", "b", "c"], now=two.now)  # of the version before, which knew no pools
    assert jobs(two, "") == 3
    two.gate.adopt(["a"], pool=TWO, now=two.now)
    two.report(permit(two, TEN, Purpose.POLL), Ok("b", running=True))
    two.report(permit(two, TEN, Purpose.POLL), Ok("c"))
    assert (jobs(two, ""), jobs(two, TWO), jobs(two, TEN)) == (0, 1, 1)


def test_a_name_that_could_not_be_part_of_a_key_is_refused(two: Desk) -> None:
    for name in "a b", "a:b", "a\nb", "x" * 61:
        with pytest.raises(ValueError, match="pool"):
            ask(two, name)


# The state of the version before


def of_before(desk: Desk, **fields: float | str) -> None:
    """Write fields of the hash: `jobs_cap` is `jobs.cap`, and `jobs_raise_at` is `jobs.raise_at`."""
    desk.redis.hset(
        desk.key, mapping={name.replace("_", ".", 1): str(value) for name, value in fields.items()}
    )


def test_a_closed_gate_of_the_version_before_opens_and_ends_its_episode(two: Desk) -> None:
    of_before(
        two, gate_epoch=7, gate_version=1_800_000_050, gate_episode=3, gate_told="submit|concurrency|",
        gate_since=START - 5, gate_told_till=START + 1, submit_reason="concurrency", submit_cause="concurrency",
        submit_till=START + 1, submit_span=1, submit_epoch=7, submit_pause=0.5, submit_tries=1, jobs_cap=10,
    )  # fmt: skip
    two.redis.zadd(two.key + ":submits", {"6:submit:0123456789abcdef": START + 60})
    assert shown_to(two, TEN).reason == shown_to(two).reason == "concurrency"
    assert isinstance(ask(two, TEN), Wait)
    late = Permit("6:submit:0123456789abcdef", Purpose.SUBMIT, 6, probe=False)
    assert two.report(late, Ok("old", running=True)) is None
    opened = reopened(two, TEN, JOBS)  # an answer about jobs: it is about a pool from now on
    assert opened is not None
    assert [(c.kind, c.state.pool, c.state.episode) for c in (opened, *opened.also)] == [
        *[("opened", "", 3), ("closed", TEN, 1)]
    ]
    assert opened.state.version == 1_800_000_051


@pytest.mark.parametrize(("learned", "ten", "two_"), [(20, 20, 20), (2, 10, 2)])
def test_the_cap_of_the_version_before_holds_until_a_pool_has_its_own(
    two: Desk, learned: int, ten: int, two_: int
) -> None:
    of_before(two, jobs_cap=learned, jobs_raise=60, jobs_raise_at=START + 60)
    assert (cap(two, TEN), cap(two, TWO)) == (ten, two_)
    take(two, TWO, "a")
    two.report(permit(two, TWO), JOBS)
    assert (cap(two, TEN), cap(two, TWO)) == (ten, 1)


# Whatever happens


class PoolMachine(RuleBasedStateMachine):
    """A vendor with a cap for each pool, and callers who ask, answer late, or die."""

    client: "redis.Redis"
    vendor = {TEN: 4, TWO: 2}

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.client, "test-pools-random", GateParams(first_caps={TEN: 3, TWO: 5}))
        self.desk.wipe()
        self.out: list[Permit] = []
        self.running: dict[str, list[str]] = {TEN: [], TWO: []}
        self.closed = {"": False, TEN: False, TWO: False}
        self.episodes = {"": 0, TEN: 0, TWO: 0}
        self.trials = {TEN: -1e9, TWO: -1e9}
        self.number = 0

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 7.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.desk.after(seconds)

    @rule(pool=st.sampled_from([TEN, TWO]), times=st.integers(1, 6))
    def send(self, pool: str, times: int) -> None:
        for _ in range(times):
            known = cap(self.desk, pool)
            submits = self.desk.redis.zcount(
                f"{self.desk.key}:submits:{pool}", f"({self.desk.now:.6f}", "+inf"
            )
            taken = jobs(self.desk, pool) + submits
            room = self.desk.gate.room(Purpose.SUBMIT, pool=pool, now=self.desk.now).now
            answer = ask(self.desk, pool)
            assert isinstance(answer, Permit) == (room > 0)
            if isinstance(answer, Wait):
                self.desk.now = answer.until if answer.reason == "pace" else self.desk.now
                continue
            self.out.append(answer)
            assert known is not None
            assert taken <= known
            if taken == known:  # one more than the cap is tried now and then, and not soon again
                assert self.desk.now - self.trials[pool] >= self.desk.params.raise_min - 1e-4
                self.trials[pool] = self.desk.now

    @rule(data=st.data(), outcome=st.sampled_from(["vendor", "rate", "quota", "dies"]))
    def answer(self, data: st.DataObject, outcome: str) -> None:
        if not self.out:
            return
        sent = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        if outcome == "dies":
            return
        running = self.running[sent.pool]
        self.number += 1
        said: Outcome = {"rate": RATE, "quota": QUOTA}.get(outcome, JOBS)
        if outcome == "vendor" and len(running) < self.vendor[sent.pool]:
            running.append(f"job-{self.number}")
            said = Ok(running[-1], running=True)
        self.publish(self.desk.report(sent, said))

    @rule(pool=st.sampled_from([TEN, TWO]))
    def fetch(self, pool: str) -> None:
        answer = ask(self.desk, pool, Purpose.POLL) if self.running[pool] else None
        if isinstance(answer, Permit):
            self.publish(self.desk.report(answer, Ok(self.running[pool].pop(0))))

    @rule()
    def resume(self) -> None:
        self.publish(self.desk.resume())
        assert not any(self.closed.values())

    def publish(self, change: GateChange | None) -> None:
        for each in (change, *change.also) if change else ():
            pool = each.state.pool
            assert (each.kind == "closed") == (not self.closed[pool])  # they alternate, for each pool
            self.episodes[pool] += each.kind == "closed"
            self.closed[pool] = each.kind != "opened"
        for pool, state in self.desk.gate.states(now=self.desk.now).items():
            assert (state.mode != "open", state.episode) == (self.closed[pool], self.episodes[pool])
            shown = shown_to(self.desk, pool)
            assert shown == (self.desk.gate.states(now=self.desk.now)[""] if self.closed[""] else state) or (
                shown.mode == state.mode == "open"
            )

    def teardown(self) -> None:
        """From now on the vendor answers all: each pool opens, and takes as much as the vendor does."""
        for pool in TEN, TWO:
            start = self.desk.now
            for job in self.running[pool]:
                while isinstance(answer := ask(self.desk, pool, Purpose.POLL), Wait):
                    self.desk.now = answer.until
                self.publish(self.desk.report(answer, Ok(job)))
            self.publish(reopened(self.desk, pool, Ok("last", running=True)))
            self.publish(reopened(self.desk, pool, Ok("last")))
            assert self.desk.now - start < 3600
            assert shown_to(self.desk, pool).mode == "open"
        self.desk.wipe()


def test_caps_hold_and_episodes_alternate_in_each_pool_whatever_happens(
    redis_connection: "redis.Redis",
) -> None:
    class Machine(PoolMachine):
        pass

    Machine.client = redis_connection
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
