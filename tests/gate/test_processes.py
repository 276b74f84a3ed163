"""Eight real processes on the server's clock: one reaction, one probe, one telling of each change."""

import multiprocessing
from collections.abc import Iterator
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import redis

from transcription.gate import Gate, GateParams, Ok, Permit, Purpose, Refused

PROCESSES = 8
NAME = "test-processes"
QUICK = GateParams(first_pause=0.02, pause_cap=0.03, ramp=0.01)  # many episodes in a short test
here: dict[str, Any] = {}  # what a child process was given


def start(url: str, barrier: Barrier) -> None:
    here.update(redis=redis.Redis.from_url(url), barrier=barrier)


def burst(_: int) -> list[str]:
    """Takes some permits, waits until all processes have theirs, and has them all refused."""
    gate = Gate(here["redis"], NAME)
    permits = [gate.acquire(Purpose.SUBMIT) for _ in range(5)]
    here["barrier"].wait(30)
    changes = [gate.report(permit, Refused()) for permit in permits if isinstance(permit, Permit)]
    return [change.kind for change in changes if change]


def hammer(_: int) -> tuple[list[tuple[int, str]], int]:
    """Asks without a break. Every other probe is answered, everything else refused.

    Returns the changes it was told, and how many probes it saw beside its own.
    """
    client, gate = here["redis"], Gate(here["redis"], NAME, QUICK)
    told: list[tuple[int, str]] = []
    overlaps = 0
    here["barrier"].wait(30)
    for _ in range(500):
        permit = gate.acquire(Purpose.SUBMIT)
        if not isinstance(permit, Permit):
            continue
        answered = False
        if permit.probe:
            overlaps += client.incr(f"{NAME}:probes") - 1
            answered = client.incr(f"{NAME}:total") % 2 == 0
            client.decr(f"{NAME}:probes")
        change = gate.report(permit, Ok() if answered else Refused())
        if change:
            told.append((change.state.version, change.kind))
    return told, overlaps


@pytest.fixture
def pool(redis_url: str, redis_connection: "redis.Redis") -> Iterator[Pool]:
    keys = (f"mico:gate:{NAME}", f"mico:gate:{NAME}:permits", f"{NAME}:probes", f"{NAME}:total")
    redis_connection.delete(*keys)
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, start, (redis_url, context.Barrier(PROCESSES))) as pool:
        yield pool
    redis_connection.delete(*keys)


def test_eight_processes_are_one_gate(pool: Pool, redis_connection: "redis.Redis") -> None:
    kinds = [kind for one in pool.map(burst, range(PROCESSES), chunksize=1) for kind in one]
    assert kinds == ["closed"]
    gate = Gate(redis_connection, NAME)
    assert gate.state().episode == 1
    assert gate.resume() is not None
    version = gate.state().version

    results = pool.map(hammer, range(PROCESSES), chunksize=1)
    assert sum(overlaps for _, overlaps in results) == 0
    told = sorted(change for one, _ in results for change in one)
    assert len(told) > 10
    assert [v for v, _ in told] == list(range(version + 1, version + 1 + len(told)))  # each exactly once
    kinds = [kind for _, kind in told]
    assert "moved" not in kinds  # steps too small to be worth telling
    assert kinds == (["closed", "opened"] * len(kinds))[: len(kinds)]
