"""Runs, prints and writes: benchmarks/results/polling.json."""

import time
from typing import Any

from benchmarks.polling import shared, single
from benchmarks.polling.worlds import REPORTING, REPORTING_SEEDS, TUNING, TUNING_SEEDS, World
from benchmarks.results import write

LEARNED, SLOWER, FASTER = "after 200", "2x slower, nothing learned", "2x faster, nothing learned"
ADVICE = "fixed 5 s (advice)"


def main() -> None:
    """The reporting set."""
    _report(REPORTING, REPORTING_SEEDS, "polling")


def tuning() -> None:
    """The set that the schedule's parameters were chosen on."""
    _report(TUNING, TUNING_SEEDS, "polling-tuning")


def _report(worlds: tuple[World, ...], seeds: tuple[int, ...], name: str) -> None:
    began = time.monotonic()
    found: dict[str, Any] = {}
    for world in worlds:
        found[world.name] = single.run(world, seeds)
        _print(world.name, found[world.name])
    named = {world.name: world for world in worlds}
    budget = shared.run(named["clips"], named["minutes"], seeds[0])
    print(
        f"\n{shared.CLIPS_PER_S:g} clips/s beside {shared.FILES} files of minutes, {shared.BUDGET:g} polls/s"
    )
    for who, figures in budget.items():
        print(f"  {who:22}", "  ".join(f"{key} {value}" for key, value in figures.items()))
    bars = _bars(found)
    print()
    for bar, reached in bars.items():
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    print(f"in {time.monotonic() - began:.0f} s")
    write(name, {"worlds": found, "budget": budget, "bars": bars})


def _print(world: str, phases: dict[str, dict[str, dict[str, float]]]) -> None:
    print(f"\n{world}: polls a job / lag s / cost against the optimum")
    names = list(next(iter(phases.values())))
    print(" " * 30, "".join(f"{who:>22}" for who in names))
    for phase, of in phases.items():
        cells = (f"{f['polls']:.2f} / {f['lag_s']:.2f} / {f['cost_ratio']:.2f}" for f in of.values())
        print(f"  {phase:28}", "".join(f"{cell:>22}" for cell in cells))


def _bars(found: dict[str, Any]) -> dict[str, bool]:
    bars = {}
    for world, phases in found.items():
        ratio = phases[LEARNED]["Mico"]["cost_ratio"]
        bars[f"{world}: after 200 jobs {ratio} <= 1.15 x the optimum"] = ratio <= 1.15
        for phase in (SLOWER, FASTER):
            ratio = phases[phase]["Mico"]["cost_ratio"]
            bars[f"{world}: {phase}: {ratio} <= 1.6 x the optimum"] = ratio <= 1.6
        mico, advice = phases[LEARNED]["Mico"], phases[LEARNED][ADVICE]
        for what, unit in (("polls", "polls"), ("lag_s", "s of lag")):
            bars[f"{world}: {mico[what]} {unit}, the advice {advice[what]}"] = mico[what] <= advice[what]
    return bars
