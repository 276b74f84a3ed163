"""The job runner: jobs run in the order of acceptance, as many at once as the engine has slots."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from ..engines.pocketsphinx import Engine, EngineError
from .protocol import JobFault, Utterance
from .store import Job, Store

logger = logging.getLogger(__name__)


class Runner:
    """Passes queued jobs to the engine and stores the results."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start, and queue the jobs that an earlier run left unfinished."""
        self._queue = asyncio.Queue()
        for job in self._store.unfinished():
            self._queue.put_nowait(job)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._engine.slots)]

    def add(self, job: Job) -> None:
        self._queue.put_nowait(job)

    async def stop(self) -> None:
        """Abandon the running jobs. They stay unfinished in the store."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            utterances: list[Utterance] | None = None
            error: JobFault | None = None
            try:
                utterances = await self._engine.transcribe(job, self._store.audio_path(job.id))
            except EngineError as failure:
                error = failure.fault
            except Exception:
                logger.exception("job %s", job.id)
                error = {"code": "E500", "message": "internal server error"}
            self._store.finish(job, time.time(), utterances, error)
