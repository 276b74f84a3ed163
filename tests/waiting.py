"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], timeout: float = 10, interval: float = 0.02) -> Found:
    """Asks `condition` until its answer is truthy and returns that; AssertionError when the time is over."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() >= deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"{name} did not come true within {timeout} s; it last answered {found!r}")
        time.sleep(interval)
    return found
