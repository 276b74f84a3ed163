"""The command line of the polling benchmark: runs, prints, and writes benchmarks/results/polling.json."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.polling import shared, single
from benchmarks.polling.schedules import MICO
from benchmarks.polling.tune import tune
from benchmarks.polling.worlds import SEEDS, WORLDS
from benchmarks.results import write

ADVICE = "fixed 5 s (advice)"


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options. Without any, the whole reporting set is run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polling")
    parser.add_argument("--set", choices=["tuning", "reporting"], default="reporting")
    parser.add_argument("--world", action="append", help="only these worlds")
    parser.add_argument("--seed", type=int, action="append", help="instead of the set's seeds")
    parser.add_argument(
        "--budget-seconds",
        type=float,
        default=shared.SECONDS,
        help=f"simulated time of the shared budget ({shared.SECONDS:g})",
    )
    parser.add_argument("--tune", action="store_true", help="only try the grid of the quantile schedule")
    return parser.parse_args(words)


def main(words: Sequence[str] = ()) -> None:
    """Run the benchmark. `words`: the options of the command line."""
    asked = arguments(words)
    if asked.tune:
        tune()
        return
    began = time.monotonic()
    worlds = {world.name: world for world in WORLDS[asked.set]}
    seeds = asked.seed or SEEDS[asked.set]
    found: dict[str, single.Figures] = {}
    for name in asked.world or worlds:
        found[name] = single.run(worlds[name], seeds)
        _print(name, found[name])
    budget = shared.run(worlds["clips"], worlds["minutes"], seeds[0], asked.budget_seconds)
    print(
        f"\n{shared.CLIPS_PER_S:g} clips/s beside {shared.FILES} files of minutes, {shared.BUDGET:g} polls/s"
    )
    for name, figures in budget.items():
        print(f"  {name:22}", "  ".join(f"{key} {value}" for key, value in figures.items()))
    reached = bars(found)
    print()
    for bar, is_reached in reached.items():
        print(f"{'reached' if is_reached else 'MISSED '}  {bar}")
    print(f"in {time.monotonic() - began:.0f} s")
    write("polling", {"set": asked.set, "worlds": found, "budget": budget, "bars": reached})


def _print(world: str, phases: single.Figures) -> None:
    print(f"\n{world}: polls per job / lag in s / cost relative to the optimum")
    print(" " * 30, "".join(f"{name:>24}" for name in next(iter(phases.values()))))
    for phase, row in phases.items():
        cells = (f"{f['polls']:.2f} / {f['lag_s']:.2f} / {f['cost_ratio']:.2f}" for f in row.values())
        print(f"  {phase:28}", "".join(f"{cell:>24}" for cell in cells))


def bars(found: dict[str, Any]) -> dict[str, bool]:
    """Return each target in words, and whether Mico reaches it."""
    targets = {}
    for world, phases in found.items():
        ratio = phases[single.LEARNED][MICO]["cost_ratio"]
        targets[f"{world}: after 200 jobs {ratio} <= 1.15 x the optimum"] = ratio <= 1.15
        for phase in (single.SLOWER, single.FASTER):
            ratio = phases[phase][MICO]["cost_ratio"]
            targets[f"{world}: {phase}: {ratio} <= 1.6 x the optimum"] = ratio <= 1.6
        mico, advice = phases[single.LEARNED][MICO], phases[single.LEARNED][ADVICE]
        for key, unit in (("polls", "polls"), ("lag_s", "s of lag")):
            targets[f"{world}: {mico[key]} {unit}, the advice {advice[key]}"] = mico[key] <= advice[key]
    return targets
