"""Means over the seeds, the targets, and the baselines that beat Mico on both axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.gate.policies import BASELINES, MICO
from benchmarks.gate.runs import Score

# The targets: (ratio at least, 429s per item at most).
BAR = (0.90, 0.10)
BAR_NAMED = (0.97, 0.02)
# Scenarios without a fair target: a gate has to finish, and to be better on both axes than every baseline that does
# not know the limit.
BEST = ("strict", "sliding")
# Scenarios without any target: even a policy that keeps exactly to the true limit gets about 0.9.
NO_BAR = ("high demand",)


@dataclass(frozen=True)
class Cell:
    """One policy in one scenario, over the seeds. `finished`: the fraction of the runs that finished."""

    ratio: float
    worst_ratio: float
    refused: float
    worst_refused: float
    delay: float
    finished: float

    @property
    def never(self) -> bool:
        return self.finished < 1


Table = Mapping[str, Mapping[str, Cell]]  # scenario → policy → cell


def cell(scores: Sequence[Score]) -> Cell:
    """Combine the scores of several seeds. A run that never finished counts with a ratio of 0."""
    ratios, refused = [s.ratio for s in scores], [s.refused for s in scores]
    n = len(scores)
    return Cell(
        ratio=sum(ratios) / n,
        worst_ratio=min(ratios),
        refused=sum(refused) / n,
        worst_refused=max(refused),
        delay=sum(s.delay for s in scores) / n,
        finished=sum(s.ratio > 0 for s in scores) / n,
    )


def dominates(a: Cell, b: Cell) -> bool:
    """Return whether `a` is better than `b` on both axes."""
    return a.ratio > b.ratio and a.refused < b.refused


def dominators(table: Table, *, knowing: bool) -> list[tuple[str, str]]:
    """Return each (scenario, baseline) that beats Mico on both axes. `knowing`: of those that know the limit."""
    return [
        (scenario, name)
        for scenario, row in table.items()
        for name, cell in row.items()
        if name != MICO
        and MICO in row
        and BASELINES[name].knows_the_limit is knowing
        and dominates(cell, row[MICO])
    ]


def verdict(scenario: str, row: Mapping[str, Cell]) -> tuple[bool | None, str]:
    """Return whether Mico reaches the target of a scenario (None if there is no target), and the same in words."""
    mico = row[MICO]
    if scenario in NO_BAR:
        return None, "no target"
    if mico.never:
        return False, f"missed: finishes in {mico.finished:.0%} of the runs"
    if scenario in BEST:
        others = [n for n in row if n != MICO and not BASELINES[n].knows_the_limit]
        ahead = [n for n in others if not dominates(mico, row[n])]
        return (
            not ahead,
            "reached: best on both axes"
            if not ahead
            else f"missed: not ahead on both axes of {', '.join(ahead)}",
        )
    ratio, refused = BAR_NAMED if scenario == "jobs, named" else BAR
    short = []
    if mico.ratio < ratio:
        short.append(f"ratio {mico.ratio - ratio:+.3f}")
    if mico.refused > refused:
        short.append(f"429s {mico.refused - refused:+.3f}")
    return not short, f"missed: {', '.join(short)}" if short else "reached"
