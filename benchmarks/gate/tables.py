"""The printed tables."""

from collections.abc import Sequence

from benchmarks.gate.policies import BASELINES, MICO
from benchmarks.gate.verdict import Cell, Table, dominators, verdict

_COLUMNS = 5


def show_mico(table: Table) -> None:
    """Print Mico's figures and whether they reach the targets."""
    print(f"\n{'Mico':22} ratio  worst   429s  worst   delay s")
    verdicts = []
    for scenario, row in table.items():
        if MICO not in row:
            return
        ok, words = verdict(scenario, row)
        verdicts.append(ok)
        c = row[MICO]
        print(
            f"{scenario:22} {c.ratio:5.3f}  {c.worst_ratio:5.3f}  {c.refused:5.3f}  {c.worst_refused:5.3f}"
            f"  {c.delay:8.2f}   {words}"
        )
    print(f"targets reached: {verdicts.count(True)} of {len(verdicts) - verdicts.count(None)}")


def show_all(table: Table) -> None:
    """Print the ratio (that of the worst seed) and the 429s per item of every policy."""
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    for first in range(0, len(names), _COLUMNS):
        some = names[first : first + _COLUMNS]
        print("\n" + f"{'ratio (worst) / 429s':22}" + "".join(f"{name:>22}" for name in some))
        for scenario, row in table.items():
            print(f"{scenario:22}" + "".join(f"{_cell(row[name]):>22}" for name in some))


def show_dominators(table: Table) -> None:
    """Print the baselines that beat Mico on both axes."""
    for knowing, words in (False, "that do not know the limit"), (True, "that know the limit"):
        found = dominators(table, knowing=knowing)
        print(f"\nbaselines {words} and beat Mico on both axes: {len(found) or 'none'}")
        for scenario, name in found:
            theirs, ours = table[scenario][name], table[scenario][MICO]
            print(f"  {scenario}: {name} ({_cell(theirs)}; Mico {_cell(ours)})")


def show_parameters(names: Sequence[str]) -> None:
    """Print the parameters of the baselines."""
    print("\nparameters of the baselines, chosen on the tuning set:")
    for name in names:
        if name in BASELINES:
            all_of_them = {**BASELINES[name].fixed, **BASELINES[name].chosen}
            print(f"  {name}: {', '.join(f'{k} {v}' for k, v in all_of_them.items()) or 'none'}")


def _cell(c: Cell) -> str:
    ratio = "never" if c.finished == 0 else f"{c.ratio:.2f} ({c.worst_ratio:.2f})"
    return f"{ratio} / {c.refused:.2f}" if c.refused < 100 else f"{ratio} / {c.refused:.0f}"
