"""The grids of the baselines on the tuning set, so that each baseline is compared at its best."""

from collections.abc import Sequence

from benchmarks.gate.fleet import Task, run_all
from benchmarks.gate.policies import BASELINES
from benchmarks.gate.runs import Score
from benchmarks.gate.scenarios import SEEDS, scenarios


def worth(score: Score) -> float:
    """Combine both axes in one number: the ratio, divided by the requests per item."""
    return score.ratio / (1 + score.refused)


def tune(policies: Sequence[str]) -> None:
    """Print the mean worth of each point of the grids, best first. The best point belongs in policies.py."""
    names = [s.name for s in scenarios("tuning")]
    tuned = {name: BASELINES[name] for name in policies if name in BASELINES and BASELINES[name].grid}
    tasks = [
        Task("tuning", scenario, name, SEEDS["tuning"][0], tuple(point.items()))
        for name, baseline in tuned.items()
        for point in baseline.tries()
        for scenario in names
    ]
    scores = run_all(tasks, lambda n: print(f"\r{n} of {len(tasks)} runs", end="", flush=True))
    print()
    for name, baseline in tuned.items():
        found = []
        for point in baseline.tries():
            own = [s for t, s in scores.items() if t.policy == name and t.params == tuple(point.items())]
            finished = sum(s.ratio > 0 for s in own)
            found.append((sum(worth(s) for s in own) / len(own), finished, point))
        print(name)
        for value, finished, point in sorted(found, key=lambda f: -f[0]):
            mark = "  ← chosen" if point == baseline.chosen else ""
            print(f"  {value:.4f}  finishes {finished:2} of {len(names)}  {dict(point)}{mark}")
