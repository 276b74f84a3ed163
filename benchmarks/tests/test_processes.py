"""What a process costs, as /proc tells it."""

import os
from pathlib import Path

import pytest

from benchmarks.processes import TICKS, by_kind, rss_mb, seconds_in


def test_ended_children_count_and_a_name_with_blanks_and_brackets_does_not_matter() -> None:
    stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 100 0 0 0 30 20 300 150 20 0 5 0 999 1 1"
    assert seconds_in(stat) == pytest.approx(500 / TICKS)


def test_of_this_process() -> None:
    assert 0 < seconds_in(Path(f"/proc/{os.getpid()}/stat").read_text()) < 10_000
    assert 10 < rss_mb({"me": os.getpid()})["me"] < 10_000


def test_workers_are_one_kind() -> None:
    assert by_kind({"worker-1": 1.0, "worker-12": 2.0, "web": 4.0}) == {"worker": 3.0, "web": 4.0}
