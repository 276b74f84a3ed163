"""The targets of the gate's benchmark, and which baselines beat Mico."""

import math
import xml.etree.ElementTree as ET

import pytest

from benchmarks.gate.plot import draw
from benchmarks.gate.runs import Score
from benchmarks.gate.verdict import Cell, cell, dominators, verdict


def a(ratio: float, refused: float, finished: float = 1.0) -> Cell:
    return Cell(ratio, ratio, refused, refused, 0.0, finished)


def test_a_cell_has_the_mean_and_the_worst_and_counts_an_unfinished_run_as_0() -> None:
    found = cell(
        [Score(0.9, 0.1, 2.0, 10, 10), Score(0.6, 0.4, 4.0, 10, 10), Score(0.0, 7.0, math.inf, 3, 10)]
    )
    assert found.ratio == pytest.approx(0.5)
    assert found.refused == pytest.approx(2.5)
    assert (found.worst_ratio, found.worst_refused) == (0.0, 7.0)
    assert found.delay == math.inf
    assert found.never


@pytest.mark.parametrize(
    ("scenario", "mico", "words"),
    [
        ("bucket", a(0.90, 0.10), "reached"),
        ("bucket", a(0.85, 0.05), "missed: ratio -0.050"),
        ("bucket", a(0.85, 0.30), "missed: ratio -0.050, 429s +0.200"),
        ("bucket", a(0.3, 0.05, finished=2 / 3), "missed: finishes in 67% of the runs"),
        ("jobs, unnamed", a(0.91, 0.05), "reached"),
        ("jobs, named", a(0.98, 0.05), "missed: 429s +0.030"),
        ("high demand", a(0.1, 9.0), "no target"),
    ],
)
def test_the_verdict_says_by_how_much_the_target_is_missed(scenario: str, mico: Cell, words: str) -> None:
    found = verdict(scenario, {"Mico": mico})
    assert found == (None if words == "no target" else words == "reached", words)


def test_without_a_target_mico_has_to_beat_all_that_do_not_know_the_limit() -> None:
    row = {"Mico": a(0.6, 0.5), "tenacity": a(0.5, 0.9), "GCRA at 1 ×": a(0.9, 0.0)}
    assert verdict("sliding", row)[0] is True
    assert verdict("sliding", {**row, "urllib3": a(0.3, 0.4)}) == (
        False,
        "missed: not ahead on both axes of urllib3",
    )


def test_a_baseline_beats_mico_only_on_both_axes() -> None:
    table = {
        "bucket": {
            "Mico": a(0.9, 0.1),
            "tenacity": a(0.95, 0.2),
            "urllib3": a(0.91, 0.09),
            "Google SRE": a(0.9, 0.05),
            "GCRA at 1 ×": a(1.0, 0.0),
        }
    }
    assert dominators(table, knowing=False) == [("bucket", "urllib3")]
    assert dominators(table, knowing=True) == [("bucket", "GCRA at 1 ×")]


def test_the_plot_has_a_mark_for_every_policy_in_every_scenario() -> None:
    row = {"Mico": a(0.9, 0.0), "tenacity": a(0.9, 900.0), "GCRA at 1 ×": a(0.0, 0.0, finished=0.0)}
    table = {"bucket, Retry-After": row, "a < b": row}
    marks = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(draw(table))
    # One mark in each scenario and one in the legend.
    assert len(root.findall(f".//{marks}circle")) == 2 * 3
    texts = [node.text for node in root.iter(f"{marks}text")]
    assert "a < b" in texts
