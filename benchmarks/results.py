"""Where figures are written, with what they were measured on."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, figures: dict[str, Any]) -> None:
    """Writes benchmarks/results/NAME.json."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    made = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit.stdout.strip(), **machine}
    path.write_text(json.dumps({**made, "figures": figures}, indent=2) + "\n")
    print(f"written: {path}")
