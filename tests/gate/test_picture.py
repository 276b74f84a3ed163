"""The picture in docs/gate.md is drawn from the script's own table, so that it cannot drift."""

import re
from pathlib import Path

from tests.gate.desk import Desk

DOCS = Path(__file__).parents[2] / "docs" / "gate.md"


def test_the_picture_of_a_lane_shows_every_move_and_no_other(desk: Desk) -> None:
    blocks: list[str] = re.findall(
        r"^```mermaid\nstateDiagram-v2\n(.*?)^```", DOCS.read_text("utf-8"), re.M | re.S
    )
    lines = [line for block in blocks for line in block.splitlines()]
    drawn = [line for line in lines if re.match(r" +(?!\[\*\])\w+ --> \w+", line)]
    moves = desk.gate.moves()
    assert len(moves) == 7
    assert sorted(drawn) == sorted(f"    {before} --> {after}: {event}" for before, event, after in moves)
