"""The command line: runs measure.py on a new database, and writes benchmarks/results/claims.json."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import write

ROOT = Path(__file__).parents[2]
SIZES = (0, 1_000, 100_000)
BAR = 1.5


def main(words: Sequence[str] = ()) -> None:
    """Run the benchmark. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims")
    parser.add_argument("--database-url", default="", help="of a PostgreSQL server (default: SQLite)")
    parser.add_argument("--runs", type=int, default=100, help="claims for each length, at least 10 (100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows that wait (0 1000 100000)")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="mico-claims-") as folder:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "mico.settings",
            "MICO_ENV_FILE": os.devnull,
            "MICO_DATA": folder,
            "DATABASE_URL": asked.database_url,
        }
        program = f"from benchmarks.claims.measure import main; main({asked.runs}, {list(asked.sizes)})"
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", program]
        run = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
    figures = json.loads(run.stdout.splitlines()[-1])
    for size, ms in figures.items():
        print(f"{size:>7} waiting: p10 {ms['p10']:6.2f}   p50 {ms['p50']:6.2f}   p90 {ms['p90']:6.2f} ms")
    first, *_, last = figures.values()
    ratio = round(
        last["p10"] / first["p10"], 2
    )  # the fast ones, which other work on the machine disturbs least
    print(
        f"{'reached' if ratio <= BAR else 'MISSED '}  {ratio} times as much with the longest queue, <= {BAR}"
    )
    write(
        "claims",
        {"database": "postgresql" if asked.database_url else "sqlite", "ms": figures, "ratio": ratio},
    )
