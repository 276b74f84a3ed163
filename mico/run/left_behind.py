"""Who else is here: another Mico on the same data, or what is left of one that was killed."""

import contextlib
import os
import signal
import time
from pathlib import Path

from mico.run.child import hold

STOP_SECONDS = 10.0  # until what was asked to end is made to
LOOK_SECONDS = 0.05
LAST = "redis"


def holder(lock: Path) -> int | None:
    """The id of the process (group) that holds `lock`; None if nobody does."""
    try:
        os.close(hold(lock))
    except BlockingIOError:
        text = lock.read_text().strip()
        return int(text) if text.isdigit() else 0
    return None


def end_left_behind(folder: Path) -> int:
    """Ends every program that still holds a lock in `folder`, and returns how many there were.

    To be called by the only Mico on these data. Raises TimeoutError if one does not end.
    """
    locks = sorted(folder.glob("*.pid"))
    # Redis last: the others say goodbye to it, and would wait for it to come back.
    return _end([lock for lock in locks if lock.stem != LAST]) + _end(
        [lock for lock in locks if lock.stem == LAST]
    )


def _end(locks: list[Path]) -> int:
    left = [lock for lock in locks if _signal(lock, signal.SIGTERM)]
    if not _wait(left) and not _wait([lock for lock in left if _signal(lock, signal.SIGKILL)]):
        raise TimeoutError
    return len(left)


def _signal(lock: Path, number: signal.Signals) -> bool:
    """Whether somebody held it. The supervisor makes each program the leader of a group of its own."""
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
