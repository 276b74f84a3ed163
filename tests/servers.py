"""Redis servers and emulators for tests: real processes on free ports, with data of their own."""

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
    """Return a TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running_redis(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis server without persistence on the Unix socket `path` until the block ends.

    Raises RuntimeError if no server is installed, or it does not answer in time.
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
    """Controls of a running emulator (docs/emulator.md). `pid` is its process, None if another program runs it."""

    def __init__(self, base_url: str, pid: int | None = None) -> None:
        self.base_url = base_url
        self.pid = pid

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        """POST to /control/`name` and return the answer. Raises requests.HTTPError if it is refused."""
        answer = requests.post(f"{self.base_url}/control/{name}", json=fields, timeout=patient(10))
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()
        return data

    def throttle(self, seconds: float, **fields: Any) -> None:
        """Answer 429 for so many seconds. Fields: `code`, `retry_after`, `on`."""
        self.control("throttle", seconds=seconds, **fields)

    def limits(self, **fields: Any) -> None:
        """Set limits: `concurrency`, `rate`, `burst`, `window`, …. None removes one."""
        self.control("limits", **fields)

    def faults(self, kind: str, **fields: Any) -> None:
        """Make the next requests fail. Kinds: hang, 401, 500, 503, garbage, drop, slow.

        Fields: `on`, `count`, `seconds`, `after`.
        """
        self.control("faults", kind=kind, **fields)

    def no_faults(self) -> None:
        """Cancel the faults that have not struck yet."""
        requests.delete(f"{self.base_url}/control/faults", timeout=patient(10)).raise_for_status()

    def turnaround(self, **fields: Any) -> None:
        """Set how long jobs take. Fields: `seconds`, `factor`, `sigma`, `seed`."""
        self.control("turnaround", **fields)

    def reset(self, **fields: Any) -> None:
        """Forget jobs, counts, limits, faults and turnarounds; with `tokens=True` also the tokens."""
        self.control("reset", **fields)

    def stats(self) -> dict[str, Any]:
        """Return what it counted: requests by route and status, jobs, duplicates of the same audio."""
        answer = requests.get(f"{self.base_url}/control/stats", timeout=patient(10))
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()
        return data


@contextlib.contextmanager
def running_emulator(data: Path, engine: str, *flags: str) -> Iterator[Emulator]:
    """Run an emulator on a free port until the block ends. Raises RuntimeError if it does not start."""
    command = [
        sys.executable,
        "-m",
        "emulator",
        "--port",
        "0",
        "--data",
        str(data),
        "--engine",
        engine,
        *flags,
    ]
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
    """Send SIGTERM, wait up to `patient(seconds)` seconds, and then send SIGKILL if need be."""
    process.terminate()
    try:
        process.wait(patient(seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
