"""The command line of the gate's benchmark: runs, prints, and writes benchmarks/results/gate.json and gate.svg."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.gate import tables
from benchmarks.gate.fleet import Task, a_redis, run_all
from benchmarks.gate.plot import draw
from benchmarks.gate.policies import BASELINES, MICO, NAMES
from benchmarks.gate.scenarios import SEEDS, scenarios
from benchmarks.gate.trace import traced
from benchmarks.gate.tune import tune
from benchmarks.gate.verdict import Table, cell, dominators, verdict
from benchmarks.results import write


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options. Without any, everything is run; each option selects a part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--set", choices=["tuning", "reporting"], default="reporting")
    parser.add_argument("--policy", action="append", help="only these; a part of the name is enough")
    parser.add_argument("--scenario", action="append", help="only these; a part of the name is enough")
    parser.add_argument("--seed", type=int, action="append", help="instead of the set's seeds")
    parser.add_argument("-v", "--verbose", action="store_true", help="print a trace of Mico's gate instead")
    parser.add_argument(
        "--every", type=float, default=10.0, help="simulated seconds between two lines of the trace"
    )
    parser.add_argument(
        "--tune", action="store_true", help="only try the grids of the baselines, on the tuning set"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] = ()) -> None:
    """Run the benchmark. `words`: the options of the command line. Results are written only without options."""
    asked = arguments(words)
    if asked.tune:
        tune([n for n in NAMES if named(n, asked.policy)])
    elif asked.verbose:
        trace_mico(asked)
    else:
        table = compare(asked)
        tables.show_mico(table)
        names = [n for n in NAMES if named(n, asked.policy)]
        if names != [MICO]:
            tables.show_all(table)
            tables.show_dominators(table)
            tables.show_parameters(names)
        if not words:
            keep(table)


def compare(asked: argparse.Namespace) -> Table:
    """Run every selected policy in every selected scenario."""
    names = [s.name for s in scenarios(asked.set) if named(s.name, asked.scenario)]
    policies = [n for n in NAMES if named(n, asked.policy)]
    seeds = asked.seed or SEEDS[asked.set]
    tasks = [Task(asked.set, s, p, seed) for s in names for p in policies for seed in seeds]
    began = time.monotonic()

    def done(number: int) -> None:
        print(f"\r{number} of {len(tasks)} runs, {time.monotonic() - began:.0f} s", end="", flush=True)

    scores = run_all(tasks, done)
    print()
    return {
        s: {p: cell([scores[Task(asked.set, s, p, seed)] for seed in seeds]) for p in policies} for s in names
    }


def trace_mico(asked: argparse.Namespace) -> None:
    """Print a trace of Mico's gate for every selected scenario and seed."""
    with a_redis() as client:
        for scenario in scenarios(asked.set):
            if named(scenario.name, asked.scenario):
                for seed in asked.seed or SEEDS[asked.set]:
                    print(traced(client, scenario, seed, asked.every))


def keep(table: Table) -> None:
    """Write benchmarks/results/gate.json and gate.svg."""
    chosen = {name: {**b.fixed, **b.chosen} for name, b in BASELINES.items()}
    write(
        "gate",
        {
            "scenarios": {s: {p: asdict(c) for p, c in row.items()} for s, row in table.items()},
            "bars": {s: verdict(s, row)[1] for s, row in table.items()},
            "beaten_by": dominators(table, knowing=False),
            "parameters": chosen,
        },
        plot=draw(table),
    )


def named(name: str, wanted: list[str] | None) -> bool:
    """Return whether the name contains one of the wanted parts, or nothing in particular is wanted."""
    return not wanted or any(part.lower() in name.lower() for part in wanted)
