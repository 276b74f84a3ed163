"""One policy in one scenario, measured against the oracle."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.gate.oracle import oracle_of
from benchmarks.gate.scenarios import Scenario
from benchmarks.gate.simulation import GIVE_UP, Policy, Run, Simulation


@dataclass(frozen=True)
class Score:
    """The result of one run.

    `ratio`: the oracle's makespan divided by this policy's, 0 if the policy never finishes. Where items arrive over
    time, the sum of the times from arrival to completion takes the place of the makespan. `refused`: 429s per item.
    `delay`: by how many seconds, in the mean, an item is completed later than with the oracle; infinite if never.
    """

    ratio: float
    refused: float
    delay: float
    done: int
    items: int


@functools.cache
def oracle(scenario: Scenario, seed: int) -> Run:
    """Run the oracle. Raises RuntimeError if it was refused or did not finish."""
    run = Simulation(scenario, seed, oracle_of(scenario, seed), horizon=math.inf).run()
    if run.refused or run.done < run.items:
        raise RuntimeError(f"the oracle was refused in {scenario.name!r}, or did not finish: {run}")
    return run


def measure(
    scenario: Scenario,
    seed: int,
    policy: Policy,
    *,
    watch: Callable[[float, Run], None] | None = None,
    every: float = 10.0,
) -> Score:
    """Run a policy for at most `GIVE_UP` times as long as the oracle needs, and score it.

    `watch` is called with the time and the run every `every` simulated seconds.
    """
    best = oracle(scenario, seed)
    horizon = GIVE_UP * best.makespan
    run = Simulation(scenario, seed, policy, horizon=horizon, watch=watch, every=every).run()
    if run.done < run.items:
        return Score(0.0, run.refused_per_item, math.inf, run.done, run.items)
    ratio = best.flow / run.flow if scenario.demand is not None else best.makespan / run.makespan
    delay = (run.flow - best.flow) / run.items
    return Score(ratio, run.refused_per_item, delay, run.done, run.items)
