"""A gate in virtual time on the Redis of the test run."""

import os
from collections.abc import Iterator

import pytest
import redis

from tests.gate.desk import Desk


@pytest.fixture
def desk(redis_connection: "redis.Redis") -> Iterator[Desk]:
    desk = Desk(redis_connection, f"test-{os.getpid()}")
    desk.wipe()
    yield desk
    desk.wipe()
