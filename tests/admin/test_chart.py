"""The geometry of the charts."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.admin import chart
from transcription.service.traffic import Slot


def slots(*counts: dict[str, int]) -> list[Slot]:
    return [Slot(60 * n, Counter(count)) for n, count in enumerate(counts)]  # type: ignore[arg-type]


def test_a_bar_stands_on_its_429s_and_is_as_high_as_its_requests() -> None:
    drawn = chart.draw(
        slots({}, {"ok": 5, "rate": 2, "quota": 1, "credentials": 1, "unavailable": 1}), 60, []
    )
    assert drawn.top == 10
    [bar] = drawn.bars
    assert bar.x == 11
    assert [(part.kind, part.y, part.height) for part in bar.parts] == [
        ("refused", "70.00", "30.00"),
        ("unanswered", "50.00", "20.00"),
        ("answered", "0.00", "50.00"),
    ]


def test_a_single_429_among_thousands_is_seen() -> None:
    [bar] = chart.draw(slots({"ok": 5000, "rate": 1}), 60, []).bars
    assert bar.parts[0].kind == "refused"
    assert float(bar.parts[0].height) == chart.LEAST


def test_an_empty_chart_has_a_scale_all_the_same() -> None:
    drawn = chart.draw(slots({}, {}), 60, [])
    assert (drawn.top, drawn.middle, drawn.total, drawn.share, drawn.bars, drawn.rows) == (
        4,
        2,
        0,
        0.0,
        [],
        [],
    )


@given(st.integers(0, 10**9))
def test_the_scale_reaches_the_highest_bar_and_not_far_beyond(value: int) -> None:
    top = chart.round_up(value)
    assert top >= value
    assert top % 2 == 0
    assert top <= max(4, 2 * value)


@pytest.mark.parametrize(
    ("start", "end", "band"),
    [
        (30, 90, ("5.00", "10.00")),
        (-50, 60, ("0.00", "10.00")),  # it began before the chart does
        (90, 500, ("15.00", "5.00")),  # it is cut at the right edge
        (60, 60.001, ("10.00", "1.00")),  # a short one is wide enough to be seen
        (-50, -10, None),
    ],
)
def test_the_time_when_the_gate_was_closed_is_shaded(
    start: float, end: float, band: tuple[str, str] | None
) -> None:
    closed = [(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))]
    bands = chart.draw(slots({}, {}), 60, closed).bands
    assert [(each.x, each.width) for each in bands] == ([band] if band else [])
