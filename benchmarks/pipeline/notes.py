"""What the workers of this benchmark write down: a line of JSON each, in one file."""

import json
from pathlib import Path
from typing import Any


def notes_file(data: Path) -> Path:
    """Where it is in MICO_DATA."""
    return data / "log" / "steps.jsonl"


def write(data: Path, **fields: Any) -> None:
    """Adds one. A short line is appended whole, whoever else writes."""
    with notes_file(data).open("a") as file:
        file.write(json.dumps(fields) + "\n")


def read(data: Path) -> list[dict[str, Any]]:
    """All of them."""
    return [json.loads(line) for line in notes_file(data).read_text().splitlines()]
