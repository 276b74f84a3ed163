"""Policies that know the limiter. Every request arrives at the first moment at which it passes."""

import random

from benchmarks.gate.limiters import Jobs
from benchmarks.gate.scenarios import Scenario
from benchmarks.gate.simulation import Answer, Errand, Later, Policy, job_seconds

# Seconds. Arrivals are at least this far apart, and this much after the first possible moment: more than a rounding
# error, and too little to show in a result.
_STEP = 1e-6
# Seconds. A worker that waits for the end of a job is woken by it, so this time never passes.
_UNTIL_WOKEN = 60.0


class Oracle:
    """Plans requests on its own copy of the limiter, in the order in which it is asked. None overtakes another."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._limiter = scenario.limiter(random.Random(f"limiter {seed}"))
        self._scenario, self._seed = scenario, seed
        self._last = 0.0
        self._planned: dict[Errand, float] = {}

    def ask(self, errand: Errand, now: float) -> float | Later:
        leave = self._planned.get(errand)
        if leave is None:
            arrive = self._limiter.earliest(max(now + errand.out, self._last), errand.kind) + _STEP
            job_s = job_seconds(self._scenario, self._seed, errand.item)
            if self._limiter.admit(arrive, errand.kind, job_s) > 0:
                raise RuntimeError("the oracle disagrees with the limiter")
            self._last = arrive
            leave = self._planned[errand] = arrive - errand.out
        if leave > now:
            return Later(leave)
        return self._planned.pop(errand)

    def tell(self, errand: Errand, token: float, answer: Answer, now: float) -> bool:
        return False

    def redis_lost(self) -> None: ...


class JobsOracle:
    """Knows how many jobs the vendor takes at once. It learns of the end of a job from a poll, as all policies do.

    An oracle that knew the ends too would know the future: it would send the next job before any real client could
    know that there is room.
    """

    def __init__(self, cap: int) -> None:
        self._free = cap

    def ask(self, errand: Errand, now: float) -> float | Later:
        if errand.kind == "poll":
            return now
        if not self._free:
            return Later(now + _UNTIL_WOKEN)
        self._free -= 1
        return now

    def tell(self, errand: Errand, token: float, answer: Answer, now: float) -> bool:
        ended = errand.kind == "poll" and not answer.running
        self._free += ended
        return ended

    def redis_lost(self) -> None: ...


def oracle_of(scenario: Scenario, seed: int) -> Policy:
    """Return the oracle of a scenario."""
    limiter = scenario.limiter(random.Random(f"limiter {seed}"))
    return JobsOracle(limiter.cap) if isinstance(limiter, Jobs) else Oracle(scenario, seed)
