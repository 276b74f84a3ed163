"""The engine that recognises slow English with a small model of its own, in two worker processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from ..service.engine import EngineError, Tell
from ..service.protocol import JobFault, Utterance
from ..service.store import Job
from .worker import Worker, WorkerDiedError

_WORKERS: Final = 2
_DIED: Final[JobFault] = {"code": "E500", "message": "the recogniser died"}


class PocketSphinxEngine:
    """Recognises English. A worker starts when a job needs it, and serves the next job too."""

    languages: frozenset[str] | None = frozenset({"en"})
    shortest_seconds = 0.0

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_WORKERS)  # in the order of the jobs
        self._idle: list[Worker] = []

    def about(self) -> dict[str, Any]:
        return {}

    def has_room(self, _duration_ms: int) -> bool:
        return True

    async def transcribe(self, job: Job, audio: Path, _tell: Tell) -> list[Utterance]:
        async with self._turns:
            question = {
                "path": str(audio),
                "duration_ms": job.duration_ms,
                "words": job.config.use_word_timestamp,
                "speakers": job.config.speakers,
            }
            idle = await self._idle_worker()
            try:
                answer = await self._ask(idle or await Worker.start("pocketsphinx_worker"), question)
            except WorkerDiedError:
                # An idle worker may have died before, which is noticed only now. A new one dies of this job.
                if idle is None:
                    raise EngineError(_DIED) from None
                try:
                    answer = await self._ask(await Worker.start("pocketsphinx_worker"), question)
                except WorkerDiedError:
                    raise EngineError(_DIED) from None
        if "error" in answer:
            raise EngineError(answer["error"])
        utterances: list[Utterance] = answer["utterances"]
        return utterances

    async def _ask(self, worker: Worker, question: dict[str, Any]) -> dict[str, Any]:
        """Return the worker's answer, and keep the worker for the next job. Raises WorkerDiedError."""
        answer = None
        try:
            answer = await worker.ask(question)
            return answer
        finally:
            if answer is not None:
                self._idle.append(worker)
            else:
                await worker.stop()

    async def _idle_worker(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await worker.stop()
        return None

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().stop()
