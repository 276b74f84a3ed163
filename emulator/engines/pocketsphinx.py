"""The engine that recognises slow English with a small model of its own, in two worker processes."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

from ..service.engine import EngineError, Tell
from ..service.protocol import Utterance
from ..service.store import Job
from .worker import Worker, WorkerDiedError, WorkerGoneError

_WORKERS: Final = 2


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
            try:
                answer = await self._answer(question)
            except WorkerDiedError:
                raise EngineError({"code": "E500", "message": "the recogniser died"}) from None
        if "error" in answer:
            raise EngineError(answer["error"])
        utterances: list[Utterance] = answer["utterances"]
        return utterances

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return a worker's answer: an idle one's, or a new one's. Raises WorkerDiedError."""
        while self._idle:
            with contextlib.suppress(WorkerGoneError):  # it ended while it was idle
                return await self._ask(self._idle.pop(), question)
        return await self._ask(await Worker.start("pocketsphinx_worker"), question)

    async def _ask(self, worker: Worker, question: dict[str, Any]) -> dict[str, Any]:
        answer = None
        try:
            answer = await worker.ask(question)
        finally:
            if answer is not None:
                self._idle.append(worker)
            else:
                await worker.stop()
        return answer

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().stop()
