"""Notes that the workers of this benchmark append to one file, one line of JSON each."""

import json
from pathlib import Path
from typing import Any


def notes_file(data: Path) -> Path:
    """Return the path of the file. `data`: MICO_DATA."""
    return data / "log" / "steps.jsonl"


def write(data: Path, **fields: Any) -> None:
    """Append one note. The operating system appends a short line whole, even if other processes write too."""
    with notes_file(data).open("a") as file:
        file.write(json.dumps(fields) + "\n")


def read(data: Path) -> list[dict[str, Any]]:
    """Return all notes, oldest first."""
    return [json.loads(line) for line in notes_file(data).read_text().splitlines()]
