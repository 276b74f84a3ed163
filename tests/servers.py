"""The programs that tests talk to: started for real, on free ports, with data of their own."""

import contextlib
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
import requests

from mico.run.redis_server import NOT_FOUND, find_redis_server
from tests.waiting import patient

BASE_DIR = Path(__file__).resolve().parent.parent
START_SECONDS = patient(10)


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running_redis(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis server on the Unix socket `path`, which keeps nothing, until the block ends.

    Raises RuntimeError if there is no server to start, or it does not answer.
    """
    binary = find_redis_server()
    if binary is None:
        raise RuntimeError(NOT_FOUND)
    options = f"--port 0 --unixsocket {path} --dir {path.parent} --save  --appendonly no --loglevel warning"
    process = subprocess.Popen([binary, *options.split(" ")])
    try:
        with contextlib.closing(redis.Redis(unix_socket_path=str(path))) as client:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError as error:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("The Redis server for the tests did not start.") from error
                    time.sleep(0.01)
        yield process
    finally:
        stop(process)


class Emulator:
    """A running emulator, and its controls (docs/emulator.md). `pid`: its process, where that is ours."""

    def __init__(self, base_url: str, pid: int | None = None) -> None:
        self.base_url = base_url
        self.pid = pid

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """POST /control/`name`. Raises requests.HTTPError if the emulator does not understand it."""
        answer = requests.post(f"{self.base_url}/control/{name}", json=fields, timeout=patient(10))
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()
        return data

    def throttle(self, seconds: float, **fields: Any) -> None:
        """429 for so many seconds; `code`, `retry_after`, `on`."""
        self.control("throttle", seconds=seconds, **fields)

    def limits(self, **fields: Any) -> None:
        """`concurrency`, `rate`, `burst`, `window`, …; None clears one."""
        self.control("limits", **fields)

    def faults(self, kind: str, **fields: Any) -> None:
        """The next requests go wrong: hang, 500, garbage, drop, slow; `on`, `count`, `seconds`, `after`."""
        self.control("faults", kind=kind, **fields)

    def turnaround(self, **fields: Any) -> None:
        """How long jobs take: `seconds`, `factor`, `sigma`, `seed`."""
        self.control("turnaround", **fields)

    def reset(self, **fields: Any) -> None:
        """Forgets jobs, counts, limits, faults and times; the tokens too with `tokens=True`."""
        self.control("reset", **fields)

    def stats(self) -> dict[str, Any]:
        """What it saw: requests by route and status, jobs, duplicates of the same audio."""
        answer = requests.get(f"{self.base_url}/control/stats", timeout=patient(10))
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()
        return data


@contextlib.contextmanager
def running_emulator(data: Path, engine: str) -> Iterator[Emulator]:
    """An emulator on a free port, until the block ends. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-m", "emulator", "--port", "0", "--data", str(data), "--engine", engine]
    process = subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE)
    try:
        line = _first_line(process)
        found = re.search(r"http://\S+", line)
        if found is None:
            raise RuntimeError(f"The emulator did not start; it said {line!r}.")
        yield Emulator(found[0], process.pid)
    finally:
        stop(process)


def _first_line(process: subprocess.Popen[bytes]) -> str:
    if process.stdout is None:
        raise RuntimeError("started without a pipe")
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    return process.stdout.readline().decode() if ready else ""


def stop(process: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """Ends a program: asks, waits, and then makes sure."""
    process.terminate()
    try:
        process.wait(patient(seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
