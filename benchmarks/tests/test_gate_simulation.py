"""The simulation of the gate's benchmark: limiters limit, the oracle is never refused, a seed repeats its run."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gate.limiters import (
    Chance,
    Down,
    FixedWindow,
    Jobs,
    Limiter,
    PenaltyBox,
    SlidingWindow,
    TokenBucket,
)
from benchmarks.gate.oracle import oracle_of
from benchmarks.gate.runs import measure
from benchmarks.gate.scenarios import Scenario, bucket, date, honest, scenarios, too_short
from benchmarks.gate.simulation import Answer, Errand, Later, Run, Simulation
from transcription.vendors import retry_after

ALL = scenarios("reporting")


def accepted(limiter: Limiter, times: list[float]) -> list[float]:
    return [t for t in times if limiter.admit(t, "submit", 10.0) == 0]


class Greedy:
    """Always sends at once."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    def ask(self, errand: Errand, now: float) -> str | Later:
        return "go"

    def tell(self, errand: Errand, token: str, answer: Answer, now: float) -> bool:
        self.headers.append(answer.headers)
        return False

    def redis_lost(self) -> None: ...


@pytest.mark.parametrize("scenario", ALL, ids=[s.name for s in ALL])
def test_the_oracle_is_never_refused_and_finishes(scenario: Scenario) -> None:
    run = Simulation(scenario, 7, oracle_of(scenario, 7), horizon=math.inf).run()
    assert (run.done, run.refused) == (scenario.items, 0)


@given(
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    rate=st.floats(0.5, 20),
    burst=st.integers(1, 10),
)
def test_a_token_bucket_never_lets_more_pass_than_burst_and_rate(
    gaps: list[float], rate: float, burst: int
) -> None:
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    passed = accepted(TokenBucket(rate, burst), times)
    for i, first in enumerate(passed):
        for j, last in enumerate(passed[i:], start=1):
            assert j <= burst + (last - first) * rate + 1e-6


@given(
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=40),
    which=st.sampled_from(["bucket", "window", "sliding", "jobs", "down", "box", "changing", "chance"]),
)
def test_earliest_is_the_first_moment_at_which_a_request_passes(gaps: list[float], which: str) -> None:
    def make() -> Limiter:
        return {
            "bucket": TokenBucket(2, 3),
            "window": FixedWindow(3, 10, 4),
            "sliding": SlidingWindow(3, 10),
            "jobs": Jobs(2),
            "down": Down(TokenBucket(2, 3), [(5, 9), (12, 13)]),
            "box": PenaltyBox(TokenBucket(2, 3), 6),
            "changing": TokenBucket([(0, 5), (4, 0.5), (30, 3)], 2),
            "chance": Chance(TokenBucket(2, 3), 1.5, 0.4, random.Random("moments")),
        }[which]

    at, limiter = 0.0, make()
    for gap in gaps:
        earliest = limiter.earliest(at + gap, "submit")
        assert earliest >= at + gap
        if earliest > at + gap + 1e-3:
            assert limiter.earliest(earliest - 1e-3, "submit") > earliest - 1e-3
        at = earliest
        assert limiter.admit(at, "submit", 7.0) == 0


def test_a_fixed_window_starts_again_at_its_border() -> None:
    assert accepted(FixedWindow(2, 60, 50), [0, 1, 2, 9.9, 10, 11, 12]) == [0, 1, 10, 11]


def test_a_sliding_window_counts_refused_requests() -> None:
    assert accepted(SlidingWindow(2, 60), [0, 1, 59, 60.5, 61.1, 181.2]) == [0, 1, 181.2]


def test_a_job_counts_until_it_ends() -> None:
    limiter = Jobs(2)
    assert [limiter.admit(t, "submit", 10.0) for t in (0.0, 4.0, 5.0)] == [0, 0, 5.0]
    assert limiter.admit(5.0, "poll") == 0
    assert limiter.admit(10.0, "submit", 10.0) == 0


def test_a_refusal_during_a_ban_starts_it_again() -> None:
    assert accepted(PenaltyBox(TokenBucket(10, 1), 20), [0, 0.05, 15, 30, 50]) == [0, 50]


def chances(seconds: float = 2.0, part: float = 0.2) -> Chance:
    return Chance(TokenBucket(1000, 1000), seconds, part, random.Random("moments"))


def test_a_moment_of_chance_refuses_everything_and_however_slowly_it_is_asked() -> None:
    often, rarely = [i / 10 for i in range(4000)], [2.0 * i + 1 for i in range(200)]
    refused = set(often) - set(accepted(chances(), often))
    assert refused == {
        t
        for t in often
        if math.floor(t / 2 + 1e-9) * 2.0 + 1 in set(rarely) - set(accepted(chances(), rarely))
    }
    assert len(refused) / len(often) == pytest.approx(0.2, abs=0.05)


def test_only_the_first_refusal_of_a_moment_of_chance_is_excused() -> None:
    once, often = chances(), chances()
    accepted(once, [2.0 * i + 1 for i in range(200)])
    accepted(often, [i / 10 for i in range(4000)])
    assert 20 < often.excused == once.excused


def test_the_limit_below_chance_excuses_nothing() -> None:
    limiter = Chance(TokenBucket(1, 1), 2.0, 0.0, random.Random("moments"))
    assert accepted(limiter, [0, 0.1, 0.2, 1.1]) == [0, 1.1]
    assert limiter.excused == 0


def test_what_no_pace_could_avoid_is_not_counted() -> None:
    scenario = Scenario("chance", lambda rng: chances(0.01, 0.1), 200, (50, 10), demand=5)
    run = Simulation(scenario, 1, Greedy(), horizon=1000).run()
    assert run.done == 200
    assert run.excused > 10
    assert run.refused_per_item == (run.refused - run.excused) / 200 < 0.02


def test_nothing_passes_during_an_outage() -> None:
    assert accepted(Down(TokenBucket(100, 10), [(1, 3)]), [0, 1, 2, 2.9, 3]) == [0, 3]


def test_a_seed_repeats_its_run_and_other_seeds_differ() -> None:
    scenario = next(s for s in scenarios("tuning") if s.name == "mixed")

    def run(seed: int) -> Run:
        return Simulation(scenario, seed, Greedy(), horizon=200).run()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_policy_that_never_sends_has_a_ratio_of_0() -> None:
    class Never(Greedy):
        def ask(self, errand: Errand, now: float) -> str | Later:
            return Later(now + 10)

    score = measure(scenarios("tuning")[0], 1, Never())
    assert (score.ratio, score.done, score.delay) == (0.0, 0, math.inf)


def test_waiting_workers_ask_again_when_woken() -> None:
    class Waking(Greedy):
        """One worker sends. The others have to wait, and its answer wakes them."""

        def __init__(self) -> None:
            super().__init__()
            self.asked: list[tuple[int, float]] = []
            self.answered = 0.0

        def ask(self, errand: Errand, now: float) -> str | Later:
            self.asked.append((errand.worker, now))
            if self.answered or errand.worker == 0:
                return "go"
            return Later(now + 50)

        def tell(self, errand: Errand, token: str, answer: Answer, now: float) -> bool:
            first, self.answered = self.answered == 0, self.answered or now
            return first

    policy = Waking()
    scenario = Scenario("two", bucket(10, 10), 3, (10, 10))
    Simulation(scenario, 1, policy, horizon=100).run()
    again = [now for worker, now in policy.asked if now > 0]
    assert again == [pytest.approx(policy.answered + 0.02)] * 2


def test_repeated_waking_does_not_delay_a_waiting_worker() -> None:
    class Restless(Greedy):
        """Half of the workers wait for half a second, while answers to the other half keep waking them."""

        def __init__(self) -> None:
            super().__init__()
            self.late: list[float] = []
            self.since: dict[Errand, float] = {}

        def ask(self, errand: Errand, now: float) -> str | Later:
            until = self.since.setdefault(errand, now) + (0.5 if errand.worker % 2 else 0.0)
            if now < until:
                return Later(until)
            self.late.append(now - until)
            return "go"

        def tell(self, errand: Errand, token: str, answer: Answer, now: float) -> bool:
            return True

    policy = Restless()
    Simulation(Scenario("many", bucket(1000, 1000), 500, (1000, 1000)), 1, policy, horizon=1.5).run()
    assert len(policy.late) > 50
    assert max(policy.late) == pytest.approx(0)


def test_headers_tell_the_truth_or_lie_as_the_scenario_says() -> None:
    assert honest(3.2, 0.0) == {"Retry-After": "4"}
    assert too_short(0.5)(5.0, 0.0) == {"Retry-After": "2"}
    behind, true = date(-100, with_date=False)(30, 7.0), date(-100, with_date=True)(30, 7.0)
    epoch = 1_700_000_012.345678
    assert retry_after.parse(behind, now=epoch + 7) == 0
    assert retry_after.parse(true, now=epoch + 7) == pytest.approx(30, abs=1.01)


def test_random_limits_repeat_with_their_seed() -> None:
    minute = next(s for s in scenarios("reporting") if s.name == "minute")
    first, again = (minute.limiter(random.Random("x")) for _ in range(2))
    assert isinstance(first, FixedWindow)
    assert isinstance(again, FixedWindow)
    assert first.phase == again.phase
