"""Fixtures of the benchmarks' tests. Run them with `make bench-test`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from benchmarks import results
from benchmarks.gate.fleet import a_redis


@pytest.fixture(scope="session")
def own_redis() -> Iterator["redis.Redis"]:
    """A client of a Redis server that only these tests use."""
    with a_redis() as client:
        yield client


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Send the results of benchmarks to a temporary directory. Return a function that reads them by name."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return lambda name: json.loads((tmp_path / f"{name}.json").read_text())["figures"]
