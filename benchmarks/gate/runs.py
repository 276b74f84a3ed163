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
    """ratio: of the oracle's makespan to this one, 0 = never; where demand is below the limit, of the time from
    arrival to completion, summed. refused: 429s per item. delay: mean seconds from when an item could have been
    sent to its completion, beyond the oracle's; infinite = never.
    """

    ratio: float
    refused: float
    delay: float
    done: int
    items: int


@functools.cache
def oracle(scenario: Scenario, seed: int) -> Run:
    """What the oracle needs. Raises RuntimeError if it was ever refused."""
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
    """Runs it, for at most `GIVE_UP` times what the oracle needs."""
    best = oracle(scenario, seed)
    horizon = GIVE_UP * best.makespan
    run = Simulation(scenario, seed, policy, horizon=horizon, watch=watch, every=every).run()
    if run.done < run.items:
        return Score(0.0, run.refused_per_item, math.inf, run.done, run.items)
    ratio = best.flow / run.flow if scenario.demand is not None else best.makespan / run.makespan
    delay = (run.flow - best.flow) / run.items
    return Score(ratio, run.refused_per_item, delay, run.done, run.items)
