"""The way of a clip, computed from the records of four programs."""

from typing import Any

import pytest

from benchmarks.pipeline.stages import STAGES, Clip, Row, ways

CLIP = Clip(recording=8, out=100.0, done=102.11, words=102.17)
ROW = Row(pk=3, recording=8, job="j", created=100.02, finished=102.10)
LOG: list[dict[str, Any]] = [
    {"t": 90.0, "route": "authenticate", "seconds": 0.01},
    {"t": 100.06, "route": "submit", "job": "another", "seconds": 0.01, "ready_at": 101.0},
    {"t": 100.10, "route": "submit", "job": "j", "seconds": 0.01, "ready_at": 101.61},
    {"t": 101.50, "route": "poll", "job": "j", "seconds": 0.01},
    {"t": 102.05, "route": "poll", "job": "j", "seconds": 0.01},
]
NOTES: list[dict[str, Any]] = [
    {"row": 3, "due": 101.40},
    {"row": 3, "step": "submit", "enqueued": 100.05, "began": 100.07},
    {"row": 4, "step": "submit", "enqueued": 100.01, "began": 100.02},
    {"row": 3, "due": 101.95},
    {"row": 3, "step": "poll", "enqueued": 101.43, "began": 101.46},
    {"row": 3, "step": "poll", "enqueued": 101.98, "began": 102.00},
]


def test_the_added_time_is_everything_but_the_vendors_turnaround() -> None:
    (way,) = ways([CLIP], [ROW], LOG, NOTES)
    assert way.turnaround_s == pytest.approx(1.5)
    assert way.added_s == pytest.approx(2.17 - 1.5)
    assert sum(way.stages.values()) == pytest.approx(way.added_s)


def test_each_stage_is_the_time_between_two_records() -> None:
    (way,) = ways([CLIP], [ROW], LOG, NOTES)
    seconds = [0.02, 0.03, 0.02, 0.03, 0.01, 0.34, 0.03, 0.02, 0.05, 0.05, 0.01, 0.06]
    assert list(way.stages) == list(STAGES)
    assert list(way.stages.values()) == pytest.approx(seconds)


def test_a_poll_is_late_by_the_time_since_it_was_due() -> None:
    (way,) = ways([CLIP], [ROW], LOG, NOTES)
    assert way.late_s == pytest.approx((0.10, 0.10))


def test_a_poll_without_a_note_is_an_error() -> None:
    with pytest.raises(LookupError, match="Recording 8: 2 polls, 1 were due"):
        ways([CLIP], [ROW], LOG, NOTES[1:])
