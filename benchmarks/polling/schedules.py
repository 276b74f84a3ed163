"""The schedules that are compared: fixed rules, and schedules that learn from what their own polls found."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.polling.worlds import ADVICE_S, WORTH_S, World
from transcription.polling import schedule
from transcription.polling.turnaround import Seen, learn

Schedule = Callable[[float, int], float]
"""(age of the job at the last poll, polls so far) → its age at the next poll. Ages in seconds since acceptance."""


def fixed(every_s: float) -> Schedule:
    """Poll at a fixed interval."""
    return lambda age, _polls: age + every_s


def growing(first_s: float, factor: float) -> Schedule:
    """Poll at gaps of which each is `factor` times the one before."""
    return lambda age, polls: age + first_s * factor**polls


def before_learning(age: float, _polls: int) -> float:
    """Poll as Mico did before it learned turnarounds."""
    return age + max(0.7, min(age * 0.5, ADVICE_S), age / 100)


RULES: dict[str, Schedule] = {
    "fixed 1 s": fixed(1.0),
    "fixed 5 s (advice)": fixed(ADVICE_S),
    "doubling from 1 s": growing(1.0, 2.0),
    "Mico before": before_learning,
}


class Learner(Protocol):
    """A schedule that learns. It sees only what its own polls found."""

    def schedule(self, audio_s: float, number: int) -> Schedule:
        """Return the schedule of the next job. `number` counts the jobs."""
        ...

    def record(self, seen: Seen) -> None:
        """Learn from a finished job."""
        ...


class Mico:
    """Mico's own schedule: a distribution that is estimated from the newest 200 jobs, and a price for each poll."""

    HISTORY = 200
    # Jobs between two estimates: a process keeps an estimate for some seconds.
    LEARN_EVERY = 10

    def __init__(self, world: World) -> None:
        self._reference_s = math.sqrt(world.audio[0] * world.audio[1])
        self._history: deque[Seen] = deque(maxlen=self.HISTORY)  # newest first
        self._recorded = 0
        self._turnaround = learn([], self._reference_s)

    def schedule(self, audio_s: float, number: int) -> Schedule:
        turnaround = self._turnaround
        return lambda age, polls: schedule.next_poll(
            turnaround,
            audio_s,
            age_s=age,
            polls=polls,
            advice_s=ADVICE_S,
            worth_s=WORTH_S,
            number=number,
        )

    def record(self, seen: Seen) -> None:
        self._history.appendleft(seen)
        self._recorded += 1
        if self._recorded % self.LEARN_EVERY == 0:
            self._turnaround = learn(list(self._history), self._reference_s)


@dataclass(frozen=True)
class QuantileParams:
    """How `Quantiles` polls.

    `count`: the number of quantiles, evenly spaced up to the slowest job. `added_s`: turnarounds of different lengths
    are compared by dividing them by `length + added_s`; a large number leaves the length out. `midpoint`: whether a
    job counts as done in the middle between its last two polls, rather than at the last one. `longest_gap_s`: the
    longest gap after the first poll; infinity for none.
    """

    count: int
    added_s: float
    midpoint: bool
    longest_gap_s: float


class Quantiles:
    """The plain way to learn: poll at the empirical quantiles of the last 60 jobs.

    After the slowest of them it polls at the interval that the vendor advises. Until it has seen 10 jobs it polls as
    Mico did before it learned.
    """

    MEMORY = 60
    ENOUGH = 10
    # Seconds. Quantiles closer together than this are one poll.
    SHORTEST_GAP_S = 0.01

    def __init__(self, params: QuantileParams) -> None:
        self._params = params
        self._last: deque[float] = deque(maxlen=self.MEMORY)

    def schedule(self, audio_s: float, number: int) -> Schedule:
        jobs = len(self._last)
        if jobs < self.ENOUGH:
            return before_learning
        count, longest_gap_s = self._params.count, self._params.longest_gap_s
        ordered = sorted(self._last)
        scale = audio_s + self._params.added_s
        ages = [scale * ordered[math.ceil(jobs * n / count) - 1] for n in range(1, count + 1)]

        def next_age(age: float, polls: int) -> float:
            planned = next(
                (quantile for quantile in ages if quantile > age + self.SHORTEST_GAP_S), age + ADVICE_S
            )
            return min(planned, age + longest_gap_s) if polls else planned

        return next_age

    def record(self, seen: Seen) -> None:
        done_s = (seen.running_s + seen.done_s) / 2 if self._params.midpoint else seen.done_s
        self._last.append(done_s / (seen.audio_s + self._params.added_s))


MICO = "Mico"
# The best of the grid in tune.py: without a longest gap, and of all.
PURE = QuantileParams(count=20, added_s=10.0, midpoint=False, longest_gap_s=math.inf)
CAPPED = QuantileParams(count=60, added_s=10.0, midpoint=False, longest_gap_s=ADVICE_S)

LEARNERS: dict[str, Callable[[World], Learner]] = {
    MICO: Mico,
    "quantiles": lambda _world: Quantiles(PURE),
    "quantiles, gap <= 5 s": lambda _world: Quantiles(CAPPED),
}
