"""Fixtures of the benchmarks' tests. Run them with `make bench-test`."""

from collections.abc import Iterator

import pytest
import redis

from benchmarks.gate.fleet import a_redis


@pytest.fixture(scope="session")
def own_redis() -> Iterator["redis.Redis"]:
    """A client of a Redis server that only these tests use."""
    with a_redis() as client:
        yield client
