"""How long a job takes at least, so that the echo can behave like a vendor with a known turnaround."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Turnaround:
    """A job takes at least max(seconds, factor x duration x noise). The noise is log-normal with median 1."""

    seconds: float
    factor: float = 0.0
    sigma: float = 0.0
    random: random.Random = field(default_factory=random.Random)

    def draw(self, duration: float) -> float:
        """Return the seconds for audio of `duration` seconds."""
        return max(self.seconds, self.factor * duration * self.random.lognormvariate(0.0, self.sigma))
