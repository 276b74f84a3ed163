"""The grid of the quantile schedule on the tuning set, so that the baseline is compared at its best."""

import itertools
import math
from collections.abc import Callable, Mapping

from benchmarks.polling import single
from benchmarks.polling.schedules import CAPPED, PURE, Learner, QuantileParams, Quantiles
from benchmarks.polling.worlds import ADVICE_S, SEEDS, WORLDS, World

GRID = tuple(
    QuantileParams(*point)
    for point in itertools.product(
        (1, 2, 3, 4, 6, 10, 20, 60), (0.0, 10.0, 1e6), (False, True), (1.0, 2.0, ADVICE_S, math.inf)
    )
)
SHOWN = 8  # rows of each table
MARKS = {PURE: "  <- quantiles", CAPPED: "  <- quantiles, gap <= 5 s"}


def tune() -> None:
    """Print the best points of the grid, by the geometric mean over the worlds of the cost against the optimum.

    Two tables: points without a longest gap, and all points.
    """
    learners: Mapping[str, Callable[[World], Learner]] = {
        str(n): lambda _world, point=point: Quantiles(point)  # type: ignore[misc]
        for n, point in enumerate(GRID)
    }
    phases = single.PHASES[: 1 + [phase.name for phase in single.PHASES].index(single.LEARNED)]
    ratios: dict[QuantileParams, list[float]] = {point: [] for point in GRID}
    for world in WORLDS["tuning"]:
        found = single.run(world, SEEDS["tuning"], learners=learners, rules={}, phases=phases)
        for n, point in enumerate(GRID):
            ratios[point].append(found[single.LEARNED][str(n)]["cost_ratio"])
    print(
        "cost / optimum",
        single.LEARNED,
        "jobs: geometric mean, then",
        *(w.name for w in WORLDS["tuning"]),
        sep="; ",
    )
    for title, points in {
        "without a longest gap": [point for point in GRID if math.isinf(point.longest_gap_s)],
        "all": list(GRID),
    }.items():
        print(title)
        for point in sorted(points, key=lambda point: math.prod(ratios[point]))[:SHOWN]:
            mean = math.prod(ratios[point]) ** (1 / len(ratios[point]))
            print(
                f"  {mean:6.2f}", *(f"{ratio:7.2f}" for ratio in ratios[point]), point, MARKS.get(point, "")
            )
