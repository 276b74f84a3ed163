"""Runs the jobs: hands each to the engine, keeps how far it is, and stores what came of it."""

from __future__ import annotations

import asyncio
import logging
import time

from .engine import Engine, EngineError
from .protocol import JobFault, Utterance
from .store import Job, Store

logger = logging.getLogger(__name__)


class Runner:
    """One task for each unfinished job. How many run at once, and in which order, is the engine's decision.

    progress: job id -> milliseconds of its audio that are done, for the jobs whose engine tells.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        self._tasks: set[asyncio.Task[None]] = set()
        self.progress: dict[str, int] = {}

    def start(self) -> None:
        """Run the jobs that an earlier run left unfinished."""
        for job in self._store.unfinished():
            self.add(job)

    def add(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Abandon the running jobs. They stay unfinished in the store."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.progress.clear()

    async def _run(self, job: Job) -> None:
        utterances: list[Utterance] | None = None
        error: JobFault | None = None

        def tell(done_ms: int) -> None:
            self.progress[job.id] = done_ms

        try:
            utterances = await self._engine.transcribe(job, self._store.audio_path(job.id), tell)
        except EngineError as failure:
            error = failure.fault
        except Exception:
            logger.exception("job %s", job.id)
            error = {"code": "E500", "message": "internal server error"}
        self.progress.pop(job.id, None)
        self._store.finish(job, time.time(), utterances, error)
