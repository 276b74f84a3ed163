"""The simulated vendors: lengths of audio, and a turnaround that no schedule is told.

The turnaround of a job is `middle(length) * X`. X is drawn from a fixed sample of its distribution, so the optimum
knows that distribution exactly. Parameters are chosen on TUNING; the reported figures come from REPORTING.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal

SAMPLE = 3000

Set = Literal["tuning", "reporting"]


@dataclass(frozen=True)
class World:
    """One vendor and the audio that it is sent.

    `audio` is the range of lengths in seconds; lengths are log-uniform. A typical turnaround is
    `fixed + rate * length` seconds; single turnarounds are log-normal around it, with `sigma`. A share `queued` of
    the jobs takes 2.5 times as long, because they wait behind others.
    """

    name: str
    audio: tuple[float, float]
    fixed: float
    rate: float
    sigma: float
    queued: float = 0.0

    def length(self, draw: random.Random) -> float:
        """Draw the audio length of a new job, in seconds."""
        return math.exp(draw.uniform(math.log(self.audio[0]), math.log(self.audio[1])))

    def middle(self, audio_s: float) -> float:
        """Return the turnaround for audio of this length before it is scattered, in seconds."""
        return self.fixed + self.rate * audio_s

    def scatter(self) -> list[float]:
        """Return the sample of X, sorted."""
        draw = random.Random(f"scatter of {self.name}")
        return sorted(
            draw.lognormvariate(0, self.sigma) * (2.5 if draw.random() < self.queued else 1)
            for _ in range(SAMPLE)
        )


WORLDS: dict[Set, tuple[World, ...]] = {
    "tuning": (
        World("clips", (1.5, 12), 0.8, 0.12, 0.25),
        World("clips, steady", (1.5, 12), 0.9, 0.05, 0.06),
        World("minutes", (60, 900), 5, 0.08, 0.35),
        World("hours", (3600, 14_400), 30, 0.1, 0.4),
    ),
    "reporting": (
        World("clips", (2, 15), 0.6, 0.1, 0.3),
        World("clips, steady", (1, 10), 1.2, 0.06, 0.08),
        World("clips, some behind others", (2, 15), 0.5, 0.08, 0.2, queued=0.3),
        World("minutes", (90, 1200), 8, 0.06, 0.3),
        World("hours", (3600, 14_400), 60, 0.08, 0.35),
    ),
}
SEEDS: dict[Set, tuple[int, ...]] = {"tuning": (1, 2), "reporting": (101, 102, 103)}

# The poll interval that the vendor (RTZR) advises, and the highest price of a poll (the setting's default). Seconds.
ADVICE_S = 5.0
WORTH_S = 0.5
