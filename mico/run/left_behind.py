"""Detection of another Mico on the same data, and termination of what a killed one left behind."""

import contextlib
import os
import signal
import time
from pathlib import Path

from mico.run.child import hold

STOP_SECONDS = 10.0  # between SIGTERM and SIGKILL
LOOK_SECONDS = 0.05
LAST = "redis"


def holder(lock: Path) -> int | None:
    """Return the id of the process (group) that holds `lock`, or None if it is free."""
    try:
        os.close(hold(lock))
    except BlockingIOError:
        text = lock.read_text().strip()
        return int(text) if text.isdigit() else 0
    return None


def end_left_behind(folder: Path) -> int:
    """End every program that holds a lock in `folder`. Return how many there were.

    Only the holder of the lock on the data may call this. Raises TimeoutError if a program does not end.
    """
    locks = sorted(folder.glob("*.pid"))
    # Redis last: the other programs report to it when they stop, and would wait for it to come back.
    return _end([lock for lock in locks if lock.stem != LAST]) + _end(
        [lock for lock in locks if lock.stem == LAST]
    )


def _end(locks: list[Path]) -> int:
    left = [lock for lock in locks if _signal(lock, signal.SIGTERM)]
    if not _wait(left) and not _wait([lock for lock in left if _signal(lock, signal.SIGKILL)]):
        raise TimeoutError
    return len(left)


def _signal(lock: Path, number: signal.Signals) -> bool:
    """Signal the holder's process group; return whether there was one. Each program leads a group of its own."""
    group = holder(lock)
    if group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
    return group is not None


def _wait(locks: list[Path]) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while any(holder(lock) is not None for lock in locks):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
