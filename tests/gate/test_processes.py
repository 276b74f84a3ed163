"""Eight real processes on the server's clock: one reaction, one probe at a time, each change returned once."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers import running_redis, stop
from tests.waiting import patient, wait_until
from transcription.gate import Gate, GateParams, Ok, Permit, Purpose, Refused

PROCESSES = 8
NAME = "test-processes"
# Short pauses, for many episodes in a short test.
QUICK = GateParams(
    first_pause=0.02, rest_min=0.02, rest_cap=0.02, pause_cap=0.03, pace_min=200.0, pace_start=1000.0
)
LEASED = GateParams(first_pause=0.02, rest_min=0.02, probe_lease=0.4)
here: dict[str, Any] = {}  # in a child process: what `start` received


def start(url: str, barrier: Barrier) -> None:
    here.update(redis=redis.Redis.from_url(url), barrier=barrier)


def burst(_: int) -> list[str]:
    """Take some permits, wait until all processes have theirs, and report them all refused. Return the changes."""
    gate = Gate(here["redis"], NAME, QUICK)
    permits = [_next(gate) for _ in range(5)]
    here["barrier"].wait(patient(15))
    changes = [gate.report(permit, Refused()) for permit in permits]
    return [change.kind for change in changes if change]


def hammer(_: int) -> tuple[list[tuple[int, str]], int]:
    """Ask without a break. Report every other probe answered, and everything else refused.

    Return the changes that this process got, and how often another probe was out beside its own.
    """
    client, gate = here["redis"], Gate(here["redis"], NAME, QUICK)
    told: list[tuple[int, str]] = []
    overlaps = 0
    here["barrier"].wait(patient(15))
    for _ in range(500):
        permit = _permit(gate)
        if not permit:
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


def take_and_die(url: str) -> None:
    """Take the probe and wait to be killed."""
    with redis.Redis.from_url(url) as client:
        permit = _next(Gate(client, NAME, LEASED))
        assert permit.probe
        client.set(f"{NAME}:took", permit.id)
        os.kill(os.getpid(), signal.SIGKILL)


def hammer_until_told(address: str) -> tuple[int, set[str]]:
    """Work until the file `….end` appears, whatever Redis does. Return the number of permits and whose errors."""
    permits, errors = 0, set[str]()
    with redis.Redis(unix_socket_path=address) as client:
        gate = Gate(client, NAME)
        while not Path(f"{address}.end").exists():
            try:
                permit = _permit(gate)
                if permit:
                    permits += 1
                    gate.report(permit, Refused() if Path(f"{address}.refuse").exists() else Ok())
            except Exception as error:
                errors.add(type(error).__module__.split(".")[0])
                Path(f"{address}.error-{os.getpid()}").touch()
            time.sleep(0.002)  # leave time for the other seven and the server
    return permits, errors


def _next(gate: Gate) -> Permit:
    permit = wait_until(lambda: _permit(gate), interval=0.002)
    assert permit
    return permit


def _permit(gate: Gate) -> Permit | None:
    answer = gate.acquire(Purpose.SUBMIT)
    return answer if isinstance(answer, Permit) else None


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, start, (redis_url, context.Barrier(PROCESSES))) as pool:
        yield pool


def test_eight_processes_are_one_gate(pool: Pool, redis_connection: "redis.Redis") -> None:
    kinds = [kind for one in pool.map(burst, range(PROCESSES), chunksize=1) for kind in one]
    assert kinds == ["closed"]
    gate = Gate(redis_connection, NAME, QUICK)
    assert gate.state().episode == 1
    assert gate.resume() is not None
    version = gate.state().version

    results = pool.map(hammer, range(PROCESSES), chunksize=1)
    assert sum(overlaps for _, overlaps in results) == 0
    told = sorted(change for one, _ in results for change in one)
    assert len(told) > 10
    assert [v for v, _ in told] == list(range(version + 1, version + 1 + len(told)))  # each exactly once
    kinds = [kind for _, kind in told]
    assert "moved" not in kinds  # the next try moves by less than `moved_step`
    assert kinds == (["closed", "opened"] * len(kinds))[: len(kinds)]


def test_a_probe_whose_holder_was_killed_is_followed_by_the_next_after_its_lease(
    redis_url: str, redis_connection: "redis.Redis"
) -> None:
    gate = Gate(redis_connection, NAME, LEASED)
    permit = _permit(gate)
    assert permit
    gate.report(permit, Refused())
    victim = multiprocessing.get_context("spawn").Process(target=take_and_die, args=(redis_url,))
    victim.start()
    victim.join(patient(15))
    assert victim.exitcode == -signal.SIGKILL
    taken = float(redis_connection.hget(f"mico:gate:{{{NAME}}}", "all.lease") or 0) - LEASED.probe_lease
    heir = _next(gate)
    seconds, micros = redis_connection.time()
    assert heir.probe
    assert heir.id.encode() != redis_connection.get(f"{NAME}:took")
    assert LEASED.probe_lease <= seconds + micros / 1e6 - taken < LEASED.probe_lease + patient(5)
    change = gate.report(heir, Ok())
    assert change
    assert change.kind == "opened"


def test_a_redis_that_comes_back_empty_is_survived(tmp_path: Path) -> None:
    address, key = tmp_path / "redis.sock", f"mico:gate:{{{NAME}}}"
    refuse, end = Path(f"{address}.refuse"), Path(f"{address}.end")
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        with running_redis(address) as server, redis.Redis(unix_socket_path=str(address)) as client:
            hammering = pool.map_async(hammer_until_told, [str(address)] * PROCESSES, chunksize=1)
            gate = Gate(client, NAME)
            wait_until(lambda: client.exists(key))
            refuse.touch()
            wait_until(lambda: gate.state().mode == "blocked")
            before = gate.state().version
            stop(server)
            wait_until(lambda: len(list(tmp_path.glob("*.error-*"))) == PROCESSES)
        refuse.unlink()
        started = time.monotonic()  # before the new server can give a permit
        with running_redis(address), redis.Redis(unix_socket_path=str(address)) as client:
            gate = Gate(client, NAME)
            wait_until(lambda: client.exists(key))
            assert gate.state().mode == "open"
            wait_until(lambda: float(client.hget(key, "pace.busy") or 0) > 1.5)
            assert time.monotonic() - started > 0.8  # so the pace had started anew, and slowly
            state, figures = gate.state(), gate.figures()
            end.touch()
            results = hammering.get(patient(15))
    assert (state.mode, figures.rate) == ("open", None)
    assert state.version >= before - 1  # it starts at the clock, so it is not lower than before
    assert sum(permits for permits, _ in results) > 10
    assert {module for _, errors in results for module in errors} == {"redis"}
