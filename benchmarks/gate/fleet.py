"""Many runs on all cores. Each process has a Redis server of its own."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import redis

from benchmarks.gate.policies import MICO, make
from benchmarks.gate.runs import Score, measure
from benchmarks.gate.scenarios import Set, scenarios
from tests.servers import running_redis


@dataclass(frozen=True)
class Task:
    """One run: a policy in one scenario with one seed. `params`: instead of the policy's chosen parameters."""

    which: Set
    scenario: str
    policy: str
    seed: int
    params: tuple[tuple[str, Any], ...] | None = None

    @property
    def given(self) -> Mapping[str, Any] | None:
        return None if self.params is None else dict(self.params)


@contextlib.contextmanager
def a_redis() -> Iterator["redis.Redis"]:
    """Start a Redis server and yield a client of it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "redis.sock"
        with running_redis(path), contextlib.closing(redis.Redis(unix_socket_path=str(path))) as client:
            yield client


def run_all(tasks: Sequence[Task], done: Callable[[int], None]) -> dict[Task, Score]:
    """Return the score of each task. Call `done` with the number of finished tasks after each of them."""
    # Tasks of Mico take longest. They come first, so that no core is idle at the end.
    order = sorted(tasks, key=lambda task: task.policy != MICO)
    scores: dict[Task, Score] = {}
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(a_redis()) for _ in range(os.cpu_count() or 1)]
        paths = [client.connection_pool.connection_kwargs["path"] for client in clients]
        context = get_context("spawn")
        queue = context.Queue()
        for path in paths:
            queue.put(path)
        pool = stack.enter_context(
            ProcessPoolExecutor(len(paths), mp_context=context, initializer=_begin, initargs=(queue,))
        )
        futures = {pool.submit(_run, task): task for task in order}
        for number, future in enumerate(as_completed(futures), start=1):
            scores[futures[future]] = future.result()
            done(number)
    return scores


_own: list["redis.Redis"] = []


def _begin(paths: Any) -> None:
    _own.append(redis.Redis(unix_socket_path=paths.get()))


def _run(task: Task) -> Score:
    scenario = next(s for s in scenarios(task.which) if s.name == task.scenario)
    return measure(scenario, task.seed, make(task.policy, scenario, task.seed, _own[0], task.given))
