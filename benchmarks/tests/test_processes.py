"""Processor time and memory of processes, read from /proc."""

import os
from pathlib import Path

import pytest

from benchmarks.processes import TICKS, by_kind, rss_mb, seconds_in


def test_ended_children_count_and_the_name_may_contain_blanks_and_brackets() -> None:
    stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 100 0 0 0 30 20 300 150 20 0 5 0 999 1 1"
    assert seconds_in(stat) == pytest.approx(500 / TICKS)


def test_the_figures_of_this_process_are_plausible() -> None:
    assert 0 < seconds_in(Path(f"/proc/{os.getpid()}/stat").read_text()) < 10_000
    assert 10 < rss_mb({"me": os.getpid()})["me"] < 10_000


def test_workers_are_summed() -> None:
    assert by_kind({"worker-1": 1.0, "worker-12": 2.0, "web": 4.0}) == {"worker": 3.0, "web": 4.0}
