"""Jobs one after the other, each polled by every schedule: polls, lag, and the cost of both together."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.polling.optimum import best
from benchmarks.polling.schedules import LEARNERS, RULES, Learner, Schedule
from benchmarks.polling.worlds import ADVICE_S, WORTH_S, World
from transcription.polling import schedule
from transcription.polling.turnaround import Seen

OPTIMUM = "optimum"


@dataclass
class Tally:
    """Sums over jobs. `lag` and `cost` are in seconds."""

    jobs: int = 0
    polls: int = 0
    lag: float = 0.0
    cost: float = 0.0

    def add(self, polls: int, lag: float, c: float) -> None:
        """Count one job. `c`: the price of one of its polls, in seconds of lag."""
        self.jobs += 1
        self.polls += polls
        self.lag += lag
        self.cost += lag + c * polls

    def figures(self, optimum: "Tally") -> dict[str, float]:
        """Return the means, and the cost as a multiple of the optimum's."""
        return {
            "polls": round(self.polls / self.jobs, 2),
            "lag_s": round(self.lag / self.jobs, 3),
            "cost_ratio": round(self.cost / optimum.cost, 2),
        }


@dataclass(frozen=True)
class Phase:
    """A row of the table: consecutive jobs under the same conditions.

    `slower`: the vendor takes this many times as long as the world says. `frozen`: no schedule learns from these
    jobs. A phase without a name is run and not reported.
    """

    name: str
    jobs: int
    slower: float = 1.0
    frozen: bool = False


LEARNED = "after 200"
SLOWER, FASTER = "2x slower, not yet learned", "2x faster, not yet learned"
PHASES = (
    Phase("cold: first 10", 10),
    Phase("then 40", 40),
    Phase("", 150),
    Phase(LEARNED, 300),
    Phase("vendor 2x slower: first 20", 20, 2.0),
    Phase("slower: then 80", 80, 2.0),
    Phase("", 100, 2.0),
    Phase("back to normal: first 20", 20),
    Phase("normal: then 80", 80),
    Phase("", 150),
    Phase(SLOWER, 200, 2.0, frozen=True),
    Phase(FASTER, 200, 0.5, frozen=True),
)


def poll(times: Schedule, took_s: float) -> tuple[int, float, float]:
    """Poll one job until it is done.

    Return the number of polls, the lag in seconds, and the job's age at the last poll that found it running (0 if
    none did).
    """
    age = last = 0.0
    polls = 0
    while True:
        age = times(last, polls)
        polls += 1
        if age >= took_s:
            return polls, age - took_s, last
        last = age


@dataclass
class Optimum:
    """The optimal schedules of a world. Turnarounds of about the same size share one."""

    world: World
    scatter: list[float] = field(init=False)
    known: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scatter = self.world.scatter()
        self.mean = sum(self.scatter) / len(self.scatter)

    def price(self, middle_s: float) -> float:
        """Return the price of a poll in seconds of lag, computed from the true mean."""
        return schedule.price(middle_s * self.mean, ADVICE_S, WORTH_S)

    def times(self, middle_s: float) -> Schedule:
        """Return the schedule for a turnaround of `middle_s * X`."""
        size = round(6 * math.log(middle_s))
        if size not in self.known:
            about = math.exp(size / 6)
            self.known[size] = best(self.scatter, self.price(about) / about)
        ages = [middle_s * age for age in self.known[size]]
        return lambda _age, polls: ages[min(polls, len(ages) - 1)]


Figures = dict[str, dict[str, dict[str, float]]]
"""Phase → schedule → figures."""


def run(
    world: World,
    seeds: Sequence[int],
    *,
    learners: Mapping[str, Callable[[World], Learner]] = LEARNERS,
    rules: Mapping[str, Schedule] = RULES,
    phases: Sequence[Phase] = PHASES,
) -> Figures:
    """Run every schedule on the same jobs, once for each seed."""
    optimum = Optimum(world)
    tallies: dict[str, dict[str, Tally]] = {}
    for seed in seeds:
        made = {name: make(world) for name, make in learners.items()}
        _run_seed(optimum, random.Random(seed), tallies, learners=made, rules=rules, phases=phases)
    return {
        phase: {name: tally.figures(row[OPTIMUM]) for name, tally in row.items()}
        for phase, row in tallies.items()
    }


def _run_seed(
    optimum: Optimum,
    draw: random.Random,
    tallies: dict[str, dict[str, Tally]],
    *,
    learners: Mapping[str, Learner],
    rules: Mapping[str, Schedule],
    phases: Sequence[Phase],
) -> None:
    number = 0
    for phase in phases:
        row = tallies.setdefault(phase.name, {}) if phase.name else {}
        for _ in range(phase.jobs):
            number += 1
            audio_s = optimum.world.length(draw)
            middle_s = optimum.world.middle(audio_s) * phase.slower
            took_s = middle_s * draw.choice(optimum.scatter)
            c = optimum.price(middle_s)
            for name, learner in learners.items():
                polls, lag, running_s = poll(learner.schedule(audio_s, number), took_s)
                row.setdefault(name, Tally()).add(polls, lag, c)
                if not phase.frozen:
                    learner.record(Seen(audio_s, running_s, took_s + lag))
            if phase.name:
                for name, times in {OPTIMUM: optimum.times(middle_s), **rules}.items():
                    polls, lag, _ = poll(times, took_s)
                    row.setdefault(name, Tally()).add(polls, lag, c)
