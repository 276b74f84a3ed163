"""Waiting in tests: for a condition, never for a fixed time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

# Every timeout in the tests is what a quiet machine needs, times this factor. No passing test waits for a
# timeout to expire, so the factor costs time only where a test fails.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "4"))

Found = TypeVar("Found")


def patient(seconds: float) -> float:
    """Return a timeout in seconds: what a quiet machine needs, times the patience of this run."""
    return seconds * PATIENCE


def wait_until(condition: Callable[[], Found], timeout: float = 15, interval: float = 0.02) -> Found:
    """Call `condition` every `interval` seconds until its answer is truthy, and return that answer.

    Raise AssertionError after `patient(timeout)` seconds.
    """
    deadline = time.monotonic() + patient(timeout)
    while not (found := condition()):
        if time.monotonic() >= deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"{name} did not come true within {timeout} s; it last answered {found!r}")
        time.sleep(interval)
    return found
