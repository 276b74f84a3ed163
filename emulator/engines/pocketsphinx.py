"""The engines that produce the text: a real recogniser, or a cheap echo for load tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from ..service.protocol import JobFault, Utterance, Word
from ..service.store import Job

_WORKERS: Final = 2
# The longest line that a worker may answer: four hours of words with their times are a few megabytes.
_ANSWER_BYTES: Final = 64 * 1024**2


class EngineError(Exception):
    """The job failed. Carries the reason."""

    def __init__(self, fault: JobFault) -> None:
        self.fault = fault
        super().__init__(fault["message"])


class Engine(Protocol):
    """languages: those it knows (None: any); slots: concurrent jobs; seconds: its default turnaround."""

    languages: frozenset[str] | None
    slots: int
    seconds: float

    async def transcribe(self, job: Job, audio: Path, /) -> list[Utterance]: ...

    async def close(self) -> None: ...


class EchoEngine:
    """Answers a hash of the audio as one utterance of the audio's length. Decodes nothing: it is for load tests."""

    languages: frozenset[str] | None = None
    slots = 1
    seconds = 0.1

    async def transcribe(self, job: Job, _audio: Path) -> list[Utterance]:
        texts = ["echo", job.sha256[:12]]
        utterance = Utterance(
            start_at=0, duration=job.duration_ms, msg=" ".join(texts), spk=0, lang=job.config.language
        )
        if job.config.use_word_timestamp:
            half = job.duration_ms // 2
            utterance["words"] = [
                Word(start_at=at * half, duration=half, text=text) for at, text in enumerate(texts)
            ]
        return [utterance]

    async def close(self) -> None:
        return None


class PocketSphinxEngine:
    """Recognises English in worker processes, because the decoder blocks its thread.

    A worker starts when a job needs it and ends when its input closes, so none outlives this program.
    """

    languages: frozenset[str] | None = frozenset({"en"})
    slots = _WORKERS
    seconds = 0.0

    def __init__(self) -> None:
        self._idle: list[asyncio.subprocess.Process] = []

    async def transcribe(self, job: Job, audio: Path) -> list[Utterance]:
        worker = self._idle.pop() if self._idle else await _start_worker()
        answered = False
        try:
            answer = await _ask(
                worker,
                {
                    "path": str(audio),
                    "duration_ms": job.duration_ms,
                    "words": job.config.use_word_timestamp,
                    "speakers": job.config.speakers,
                },
            )
            answered = True
        finally:
            if answered:
                self._idle.append(worker)
            else:
                await _stop(worker)
        if "error" in answer:
            raise EngineError(answer["error"])
        utterances: list[Utterance] = answer["utterances"]
        return utterances

    async def close(self) -> None:
        while self._idle:
            await _stop(self._idle.pop())


async def _start_worker() -> asyncio.subprocess.Process:
    package = Path(__file__).parent
    path = os.pathsep.join([str(package.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{package.parent.name}.{package.name}.pocketsphinx_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        limit=_ANSWER_BYTES,
        process_group=0,  # Ctrl-C reaches only the program, which then ends its workers
    )


async def _ask(worker: asyncio.subprocess.Process, question: dict[str, Any]) -> dict[str, Any]:
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("a worker was started without its pipes")
    try:
        worker.stdin.write(json.dumps(question).encode() + b"\n")
        await worker.stdin.drain()
        line = await worker.stdout.readline()
    except ConnectionError:
        line = b""
    if not line:
        raise EngineError({"code": "E500", "message": "the recogniser died"})
    answer: dict[str, Any] = json.loads(line)
    return answer


async def _stop(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        # Not worker.kill(): it would reap a worker that has just died before asyncio can.
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
    await worker.communicate()  # also closes the pipes


ENGINES: Final[dict[str, Callable[[], Engine]]] = {
    "pocketsphinx": PocketSphinxEngine,
    "echo": EchoEngine,
}
