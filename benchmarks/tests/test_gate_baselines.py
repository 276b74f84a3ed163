"""The baselines of the gate's benchmark behave as their descriptions say, in virtual time."""

import pytest
import redis

from benchmarks.gate import baselines, libraries
from benchmarks.gate.policies import BASELINES, NAMES, make
from benchmarks.gate.runs import measure
from benchmarks.gate.scenarios import Scenario, bucket, date, scenarios
from benchmarks.gate.simulation import Answer, Errand, Later, Policy

BUCKET = Scenario("bucket", bucket(2, 10), 60, (2, 10))
OK, REFUSED = Answer(True), Answer(False)


def errand(item: int = 0, worker: int = 0) -> Errand:
    return Errand(item, "submit", 0.0, worker=worker)


def wait(policy: Policy, asked: Errand, now: float) -> float:
    answer = policy.ask(asked, now)
    return answer.at - now if isinstance(answer, Later) else 0.0


def refuse(policy: Policy, asked: Errand, now: float, answer: Answer = REFUSED) -> None:
    policy.tell(asked, "go", answer, now)
    asked.refusals += 1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_score(name: str, own_redis: "redis.Redis") -> None:
    first, again = (measure(BUCKET, 1, make(name, BUCKET, 1, own_redis)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("name", BASELINES)
def test_the_chosen_parameters_are_a_point_of_the_grid(name: str) -> None:
    baseline = BASELINES[name]
    assert not baseline.grid or baseline.chosen in list(baseline.tries())


def test_the_first_version_waits_longer_after_each_429_until_a_success() -> None:
    policy = baselines.GrowingPause(BUCKET, 1, step=5, cap=60)
    waits = []
    for i in range(14):
        refuse(policy, errand(), 100.0 * i)
        waits.append(wait(policy, errand(1), 100.0 * i))
    assert waits == [5 * (i + 1) for i in range(12)] + [60, 60]
    policy.tell(errand(), "go", OK, 2000)
    refuse(policy, errand(), 2001)
    assert wait(policy, errand(1), 2001) == 5


def test_the_last_429_sets_the_shared_pause() -> None:
    policy = baselines.SharedPause(BUCKET, 1, pause=3)
    refuse(policy, errand(), 10, Answer(False, {"Retry-After": "30"}))
    assert wait(policy, errand(1), 10) == 30
    refuse(policy, errand(), 11)
    assert wait(policy, errand(1), 11) == 3
    policy.redis_lost()
    assert wait(policy, errand(1), 11) == 0


def test_client_throttling_rejects_most_requests_only_when_none_is_accepted() -> None:
    policy = baselines.ClientThrottling(BUCKET, 1, k=2, window=120, again=1)
    for i in range(100):
        assert wait(policy, errand(), i) == 0
        policy.tell(errand(), "go", OK, i)
    passed = sum(wait(policy, errand(), 1000) == 0 for _ in range(500))
    assert 1 <= passed < 50


def test_urllib3_obeys_retry_after_even_as_a_date_and_otherwise_doubles() -> None:
    policy = libraries.Urllib3(BUCKET, 1, factor=1, jitter=0)
    one = errand()
    waits = []
    for _ in range(4):
        refuse(policy, one, 0)
        waits.append(wait(policy, one, 0))
    assert waits == [0, 2, 4, 8]
    refuse(policy, one, 50, Answer(False, date(0.0, with_date=False)(30, 50)))
    assert wait(policy, one, 50) == pytest.approx(30, abs=1.01)


def test_full_jitter_stays_below_its_growing_bound() -> None:
    policy = libraries.FullJitter(BUCKET, 1, multiplier=2, longest=60)
    one = errand()
    for attempt in range(10):
        refuse(policy, one, 0)
        assert 0 <= wait(policy, one, 0) <= min(60, 2 * 2**attempt)


def test_botocore_slows_down_only_the_process_that_was_refused_unless_shared() -> None:
    policy = libraries.Adaptive(BUCKET, 1, shared=False, beta=0.7, scale=0.4, attempts=1)
    for i in range(20):
        policy.tell(errand(i, worker=1), "go", OK, i / 10)
    refuse(policy, errand(30, worker=1), 2.0)
    waits = {w: [wait(policy, errand(i, worker=w), 2.0) for i in range(40, 60)] for w in (1, 2)}
    assert waits[1][-1] > 0
    assert waits[2] == [0] * 20
    shared = libraries.Adaptive(BUCKET, 1, shared=True, beta=0.7, scale=0.4, attempts=1)
    refuse(shared, errand(30, worker=1), 2.0)
    assert [wait(shared, errand(i, worker=2), 2.0) for i in range(40, 60)][-1] > 0


def test_a_static_rate_passes_its_rate_and_forgets_with_its_redis() -> None:
    policy = libraries.StaticRate(Scenario("bucket", bucket(2, 4), 60, (2, 4)), 1, factor=0.5)
    assert [wait(policy, errand(), 0) for _ in range(3)] == [0, 0, pytest.approx(1)]
    assert wait(policy, errand(), 1) == 0
    assert wait(policy, errand(), 1) == pytest.approx(1)
    policy.redis_lost()
    assert wait(policy, errand(), 1) == 0


def test_a_static_rate_just_below_the_limit_is_never_refused() -> None:
    scenario = Scenario("bucket", bucket(2, 3), 120, (1.98, 2))
    score = measure(scenario, 1, libraries.StaticRate(scenario, 1, factor=1.0))
    assert (score.refused, score.done) == (0, 120)
    assert score.ratio == pytest.approx(0.985, abs=0.01)


def test_a_static_rate_does_not_limit_free_polls() -> None:
    named = next(s for s in scenarios("tuning") if s.name == "jobs, named")
    policy = libraries.StaticRate(named, 1, factor=0.5)
    polls = [policy.ask(Errand(0, "poll", 0.0), 0.0) for _ in range(50)]
    assert polls == ["go"] * 50
