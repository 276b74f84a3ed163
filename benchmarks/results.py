"""Writes figures together with the commit, the time and the machine."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, figures: dict[str, Any], plot: str | None = None) -> None:
    """Write benchmarks/results/NAME.json, and NAME.svg if there is a plot."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    made = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit.stdout.strip(), **machine}
    RESULTS.mkdir(exist_ok=True)
    files = {"json": json.dumps({**made, "figures": figures}, indent=2) + "\n"}
    if plot is not None:
        files["svg"] = plot
    for suffix, content in files.items():
        path = RESULTS / f"{name}.{suffix}"
        path.write_text(content)
        print(f"written: {path}")
