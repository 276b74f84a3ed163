"""The vendors that are imagined: lengths of audio, and the turnaround that nobody is told.

A turnaround is `middle(length) · X`; X is drawn from a fixed sample of its distribution, which is therefore exactly
known to the optimum. The parameters of the schedule were chosen on TUNING; what is reported is REPORTING.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

SAMPLE = 3000


@dataclass(frozen=True)
class World:
    """`audio`: the range of lengths, s, log-uniform; turnaround: `fixed + rate · length` s in the middle, scattered
    log-normally by `sigma`; of `humped` of the jobs it is 2.5 times as long (they wait behind others)."""

    name: str
    audio: tuple[float, float]
    fixed: float
    rate: float
    sigma: float
    humped: float = 0.0

    def length(self, draw: random.Random) -> float:
        """s of audio of a new job."""
        return math.exp(draw.uniform(math.log(self.audio[0]), math.log(self.audio[1])))

    def middle(self, audio_s: float) -> float:
        """s, before the scatter."""
        return self.fixed + self.rate * audio_s

    def scatter(self) -> list[float]:
        """The sample of X, sorted."""
        draw = random.Random(f"scatter of {self.name}")
        return sorted(
            draw.lognormvariate(0, self.sigma) * (2.5 if draw.random() < self.humped else 1)
            for _ in range(SAMPLE)
        )


TUNING = (
    World("clips", (1.5, 12), 0.8, 0.12, 0.25),
    World("clips, steady", (1.5, 12), 0.9, 0.05, 0.06),
    World("minutes", (60, 900), 5, 0.08, 0.35),
    World("hours", (3600, 14_400), 30, 0.1, 0.4),
)
TUNING_SEEDS = (1, 2)

REPORTING = (
    World("clips", (2, 15), 0.6, 0.1, 0.3),
    World("clips, steady", (1, 10), 1.2, 0.06, 0.08),
    World("clips, some behind others", (2, 15), 0.5, 0.08, 0.2, humped=0.3),
    World("minutes", (90, 1200), 8, 0.06, 0.3),
    World("hours", (3600, 14_400), 60, 0.08, 0.35),
)
REPORTING_SEEDS = (101, 102, 103)

# (advice, worth): RTZR's, and the setting's default.
ADVICE_S = 5.0
WORTH_S = 0.5

Schedule = Callable[[float, int], float]
"""(age at the last poll, polls so far) → age at the next."""


def fixed(every_s: float) -> Schedule:
    return lambda age, _polls: age + every_s


def growing(first_s: float, factor: float, longest_s: float = math.inf) -> Schedule:
    """Each gap so many times the one before."""
    return lambda age, polls: age + min(first_s * factor**polls, longest_s)


def mico_before(age: float, _polls: int) -> float:
    """What Mico had until it learned."""
    return age + max(0.7, min(age * 0.5, ADVICE_S), age / 100)


BASELINES: dict[str, Schedule] = {
    "fixed 1 s": fixed(1.0),
    "fixed 5 s (advice)": fixed(5.0),
    "doubling from 1 s": growing(1.0, 2.0),
    "Mico before": mico_before,
}
