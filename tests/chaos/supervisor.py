"""A small service manager: python -m tests.chaos.supervisor FOLDER. It starts each program again when it has ended.

The folder holds `programs.json` (name → command and environment), `run/` with the locks of mico/run/child.py, and two
folders that the faults write to:

    down/NAME   while this file exists, the program is not started
    skew/NAME   the program is started with a clock that is wrong by so many seconds (libfaketime)

A killed supervisor leaves its programs behind, as that of `make run` does; the next one ends them first.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from mico.run.child import hold
from mico.run.left_behind import end_left_behind

CHILD = Path(__file__).parents[2] / "mico" / "run" / "child.py"
LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.5  # until a program that ended at once is started again


def libfaketime() -> Path | None:
    """Return the library that gives a program another clock, or None where the package faketime is missing."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


class Program:
    """One program that is to run for as long as the supervisor does."""

    def __init__(self, folder: Path, name: str, command: list[str], environment: dict[str, str]) -> None:
        self._folder = folder
        self._name = name
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def look(self) -> None:
        """Start the program if it does not run and nothing forbids it."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
        if time.monotonic() >= self._not_before and not (self._folder / "down" / self._name).exists():
            self._not_before = time.monotonic() + PAUSE_SECONDS
            self._start()

    def _start(self) -> None:
        lock = self._folder / "run" / f"{self._name}.pid"
        with (self._folder / "log" / f"{self._name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CHILD), str(lock), *self._command],
                env=self._environment | self._clock(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _clock(self) -> dict[str, str]:
        skew, library = self._folder / "skew" / self._name, libfaketime()
        if library is None or not skew.exists():
            return {}
        # Only the time of day is wrong: a clock that is set does not change how long a second is.
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME": f"{float(skew.read_text()):+.3f}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def programs(folder: Path) -> Iterator[Program]:
    """Read the programs, in the order in which they start."""
    described: dict[str, dict[str, Any]] = json.loads((folder / "programs.json").read_text())
    for name, program in described.items():
        yield Program(folder, name, program["command"], program["environment"])


def main(folder: Path) -> None:
    """End what an earlier supervisor left behind, and run the programs until SIGTERM."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    hold(folder / "run" / "supervisor.lock")
    end_left_behind(folder / "run")
    everything = list(programs(folder))
    while not stopping:
        for program in everything:
            program.look()
        time.sleep(LOOK_SECONDS)
    end_left_behind(folder / "run")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
