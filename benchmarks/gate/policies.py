"""The policies that are compared, with the parameters that `--tune` has chosen on the tuning set."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from benchmarks.gate import baselines, libraries
from benchmarks.gate.mico import Mico
from benchmarks.gate.scenarios import Scenario
from benchmarks.gate.simulation import Policy

MICO = "Mico"
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Baseline:
    """A policy to compare Mico with.

    `make(scenario, seed, **params)` creates it. `fixed`: parameters that are not tuned. `grid`: values to try.
    `chosen`: the best point of the grid.
    """

    make: Callable[..., Policy]
    fixed: Params = field(default_factory=dict)
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    chosen: Params = field(default_factory=dict)
    knows_the_limit: bool = False

    def tries(self) -> Iterator[Params]:
        """Yield every point of the grid."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))


_ADAPTIVE = {"beta": (0.5, 0.7), "scale": (0.03, 0.1, 0.4), "attempts": (1, 3)}

BASELINES: dict[str, Baseline] = {
    "first version": Baseline(baselines.GrowingPause, {"step": 5.0, "cap": 60.0}),
    "first version, tuned": Baseline(
        baselines.GrowingPause,
        grid={"step": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), "cap": (10.0, 60.0)},
        chosen={"step": 0.2, "cap": 60.0},
    ),
    "BullMQ rateLimit": Baseline(
        baselines.SharedPause, grid={"pause": (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)}, chosen={"pause": 0.5}
    ),
    "tenacity": Baseline(
        libraries.FullJitter,
        grid={"multiplier": (1.0, 5.0, 10.0, 20.0, 40.0), "longest": (10.0, 60.0, 120.0)},
        chosen={"multiplier": 20.0, "longest": 60.0},
    ),
    "urllib3": Baseline(
        libraries.Urllib3,
        grid={"factor": (1.0, 2.0, 5.0, 10.0, 20.0), "jitter": (0.0, 2.0, 4.0)},
        chosen={"factor": 5.0, "jitter": 2.0},
    ),
    "botocore, per process": Baseline(
        libraries.Adaptive, {"shared": False}, _ADAPTIVE, {"beta": 0.5, "scale": 0.1, "attempts": 3}
    ),
    "botocore, shared": Baseline(
        libraries.Adaptive, {"shared": True}, _ADAPTIVE, {"beta": 0.7, "scale": 0.1, "attempts": 1}
    ),
    "Google SRE": Baseline(
        baselines.ClientThrottling,
        grid={"k": (1.05, 1.1, 1.5, 2.0), "window": (30.0, 120.0), "again": (0.2, 0.5, 1.0, 3.0)},
        chosen={"k": 1.1, "window": 120.0, "again": 0.5},
    ),
    "no back-off": Baseline(baselines.NoBackoff),
    "GCRA at 0.5 ×": Baseline(libraries.StaticRate, {"factor": 0.5}, knows_the_limit=True),
    "GCRA at 1 ×": Baseline(libraries.StaticRate, {"factor": 1.0}, knows_the_limit=True),
    "GCRA at 2 ×": Baseline(libraries.StaticRate, {"factor": 2.0}, knows_the_limit=True),
}
NAMES = [MICO, *BASELINES]


def make(name: str, scenario: Scenario, seed: int, redis: "Redis", params: Params | None = None) -> Policy:
    """Create a policy by name. `params`: instead of the chosen ones. `redis` is used by Mico's gate only."""
    if name == MICO:
        return Mico(redis)
    baseline = BASELINES[name]
    own = baseline.chosen if params is None else params
    return baseline.make(scenario, seed, **baseline.fixed, **own)
