"""Jobs one after the other, each polled as a schedule says: polls, lag, and what they cost together."""

import math
import random
from dataclasses import dataclass, field

from benchmarks.polling.optimum import best
from benchmarks.polling.worlds import ADVICE_S, BASELINES, WORTH_S, Schedule, World
from transcription.polling import schedule
from transcription.polling.turnaround import Seen, Turnaround, learn

HISTORY = 200
LEARN_EVERY = 10  # jobs; a process keeps what it learned for seconds


@dataclass
class Tally:
    """Sums over jobs."""

    jobs: int = 0
    polls: int = 0
    lag: float = 0.0
    cost: float = 0.0

    def add(self, polls: int, lag: float, c: float) -> None:
        self.jobs += 1
        self.polls += polls
        self.lag += lag
        self.cost += lag + c * polls

    def figures(self, optimum: "Tally") -> dict[str, float]:
        """Means, and the cost against the optimum's."""
        return {
            "polls": round(self.polls / self.jobs, 2),
            "lag_s": round(self.lag / self.jobs, 3),
            "cost_ratio": round(self.cost / optimum.cost, 2),
        }


@dataclass
class Phase:
    """Some jobs of which a table speaks. `slower`: the vendor takes so many times as long as the world says;
    `frozen`: nothing is learned in it. Without a name it is not counted."""

    name: str
    jobs: int
    slower: float = 1.0
    frozen: bool = False


PHASES = (
    Phase("cold: first 10", 10),
    Phase("then 40", 40),
    Phase("", 150),
    Phase("after 200", 300),
    Phase("vendor 2x slower: first 20", 20, 2.0),
    Phase("then 80 ", 80, 2.0),
    Phase("", 100, 2.0),
    Phase("back again: first 20", 20),
    Phase("then 80", 80),
    Phase("", 150),
    Phase("2x slower, nothing learned", 200, 2.0, frozen=True),
    Phase("2x faster, nothing learned", 200, 0.5, frozen=True),
)


def polled(times: Schedule, took_s: float) -> tuple[int, float, float]:
    """Polls, the lag, and the age at the last poll that found it running."""
    age = last = 0.0
    polls = 0
    while True:
        age = times(last, polls)
        polls += 1
        if age >= took_s:
            return polls, age - took_s, last
        last = age


def learned(turnaround: Turnaround, audio_s: float, number: int) -> Schedule:
    """Mico's own."""
    return lambda age, polls: schedule.next_poll(
        turnaround,
        audio_s,
        age_s=age,
        polls=polls,
        advice_s=ADVICE_S,
        worth_s=WORTH_S,
        number=number,
    )


@dataclass
class Optimum:
    """The optima of a world, for turnarounds of about the same size one."""

    world: World
    scatter: list[float] = field(init=False)
    known: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scatter = self.world.scatter()
        self.mean = sum(self.scatter) / len(self.scatter)

    def price(self, middle_s: float) -> float:
        """c at the true mean."""
        return schedule.price(middle_s * self.mean, ADVICE_S, WORTH_S)

    def times(self, middle_s: float) -> Schedule:
        """For a turnaround of `middle_s` · X."""
        size = round(6 * math.log(middle_s))
        if size not in self.known:
            about = math.exp(size / 6)
            self.known[size] = best(self.scatter, self.price(about) / about)
        ages = [middle_s * age for age in self.known[size]]
        return lambda _age, polls: ages[min(polls, len(ages) - 1)]


def run(world: World, seeds: tuple[int, ...]) -> dict[str, dict[str, dict[str, float]]]:
    """Phase → who → figures."""
    optimum = Optimum(world)
    tallies: dict[str, dict[str, Tally]] = {}
    for seed in seeds:
        _one(world, optimum, random.Random(seed), tallies)
    return {
        phase: {who: tally.figures(of["optimum"]) for who, tally in of.items()}
        for phase, of in tallies.items()
    }


def _one(world: World, optimum: Optimum, draw: random.Random, tallies: dict[str, dict[str, Tally]]) -> None:
    history: list[Seen] = []
    reference = math.sqrt(world.audio[0] * world.audio[1])
    turnaround = learn(history, reference)
    number = 0
    for phase in PHASES:
        for _ in range(phase.jobs):
            if number % LEARN_EVERY == 0 and not phase.frozen:
                turnaround = learn(history[:HISTORY], reference)
            number += 1
            audio_s = world.length(draw)
            middle = world.middle(audio_s) * phase.slower
            took = middle * draw.choice(optimum.scatter)
            polls, lag, running = polled(learned(turnaround, audio_s, number), took)
            if not phase.frozen:
                history.insert(0, Seen(audio_s, running, took + lag))
            if not phase.name:
                continue
            of = tallies.setdefault(phase.name, {})
            c = optimum.price(middle)
            of.setdefault("Mico", Tally()).add(polls, lag, c)
            for who, times in {"optimum": optimum.times(middle), **BASELINES}.items():
                polls, lag, _ = polled(times, took)
                of.setdefault(who, Tally()).add(polls, lag, c)
