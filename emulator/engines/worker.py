"""A worker process of an engine: a JSON question per line of its stdin, a JSON answer per line of its stdout.

A recogniser blocks its thread and can crash, so it runs in a process of its own. A worker ends when its input closes,
so none outlives this program.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

# The longest line that a worker may answer: four hours of words with their times are a few megabytes.
_ANSWER_BYTES: Final = 64 * 1024**2
_PACKAGE: Final = Path(__file__).parents[1]


class WorkerDiedError(Exception):
    """The worker ended without an answer."""


class WorkerGoneError(WorkerDiedError):
    """It had ended before it read the question, which cannot be the reason."""


class Worker:
    """A running worker. It answers one question at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Self:
        """Start `python -m <the module of this package>`."""
        path = os.pathsep.join([str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{_PACKAGE.name}.engines.{module}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # The voices' small products take three times the processor's time with more threads.
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            limit=_ANSWER_BYTES,
            process_group=0,  # Ctrl-C reaches only the program, which then ends its workers
        )
        return cls(process)

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer. Raises WorkerDiedError, and WorkerGoneError if it had ended before."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker was started without its pipes")
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            await stdin.drain()
            read = await stdout.readline()
        except ConnectionError:
            read = b""
        if not read:
            raise WorkerGoneError
        line = await stdout.readline()
        if not line:
            raise WorkerDiedError
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def stop(self) -> None:
        """Kill it and wait for its end."""
        if self._process.returncode is None:
            # Not process.kill(): it would reap a worker that has just died before asyncio can.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        await self._process.communicate()  # also closes the pipes


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run in a worker: answer questions until stdin closes, then exit at once, even in the middle of one."""
    questions: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            questions.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        question = json.loads(questions.get())
        print(flush=True)  # read: if this process ends from here on, the question may be the reason
        print(json.dumps(answer(question)), flush=True)
