"""The engine that people rely on: Whisper, in one process that holds the model while there is something to do.

A recording is recognised piece by piece. Before each piece the jobs take turns: first the clips, in the order in
which they came, then the oldest file. So what somebody has just said waits at most for one piece of a file.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from ..service.config import DETECT
from ..service.engine import EngineError, Tell
from ..service.protocol import Utterance
from ..service.store import Job
from .languages import languages_of
from .worker import Worker, WorkerDiedError, WorkerGoneError

# Up to here a recording is a clip: something that was spoken just now.
CLIP_MS: Final = 60_000
# Without a question for so long, the worker ends and gives its memory back. It is back within a second or two.
IDLE_SECONDS: Final = 600.0
# A piece takes a second or a few. After this time the recogniser hangs.
_PIECE_SECONDS_AT_MOST: Final = 300.0
# What this machine can take: clips that wait no longer, and files that are all done in this time.
_CLIPS_WAIT_SECONDS: Final = 30.0
_CLIPS_AT_LEAST: Final = 4
_FILES_WAIT_SECONDS: Final = 2 * 3600.0
# How long a piece takes, until some were measured, and the share of a new measurement.
_PIECE_SECONDS: Final = 2.0
_NEW_SHARE: Final = 0.2
_FILE_PIECE_MS: Final = 15_000  # of a file's audio, about


Rank = tuple[int, float]


class Turns:
    """One holder at a time; of those who wait, the one with the lowest rank is next."""

    def __init__(self) -> None:
        self._taken = False
        self._count = itertools.count()
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def take(self, rank: Rank) -> AsyncIterator[Turn]:
        """Hold the turn within the block, unless it is given away by the Turn."""
        await self._wait(rank)
        turn = Turn(self, rank)
        try:
            yield turn
        finally:
            if turn.is_held:
                self._give()

    async def _wait(self, rank: Rank) -> None:
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, next(self._count), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given in the same moment
                    self._give()
                raise
        self._taken = True

    def _give(self) -> None:
        """Give the turn to the next one, without a moment in which somebody else could take it."""
        self._drop_those_who_left()
        if self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            turn.set_result(None)
        else:
            self._taken = False

    def _is_behind(self, rank: Rank) -> bool:
        """Return whether somebody waits who goes before this rank."""
        self._drop_those_who_left()
        return bool(self._waiting) and self._waiting[0][0] < rank

    def _drop_those_who_left(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)


class Turn:
    """What a holder has. is_held: False only while it lets others pass."""

    def __init__(self, turns: Turns, rank: Rank) -> None:
        self._turns = turns
        self._rank = rank
        self.is_held = True

    async def let_pass(self) -> None:
        """Let those go first who are before this holder; of equal files the older one goes on to its end."""
        while self._turns._is_behind(self._rank):
            self.is_held = False
            self._turns._give()
            await self._turns._wait(self._rank)
            self.is_held = True


class WhisperEngine:
    """model: its name; path: the folder of its files; voices: the file of voiceprints.find.

    idle_seconds: without work for so long, the process ends.
    """

    shortest_seconds = 0.0

    def __init__(
        self, model: str, path: Path, voices: Path | None, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.languages: frozenset[str] | None = languages_of(model)
        self._model = model
        self._files = [str(path), *([] if voices is None else [str(voices)])]
        self._idle_seconds = idle_seconds
        self._turns = Turns()
        self._worker: Worker | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._left_ms: dict[str, int] = {}  # of the jobs that are not finished
        self._piece_seconds = _PIECE_SECONDS

    def about(self) -> dict[str, Any]:
        return {"model": self._model}

    def has_room(self, duration_ms: int) -> bool:
        """Return whether the job would be done in time with what is waiting.

        There is always room for a few clips and one file.
        """
        clips = [left for left in self._left_ms.values() if left <= CLIP_MS]
        if duration_ms <= CLIP_MS:
            return len(clips) < _CLIPS_AT_LEAST or len(clips) * self._piece_seconds < _CLIPS_WAIT_SECONDS
        files_ms = sum(self._left_ms.values())
        return not files_ms or (files_ms / _FILE_PIECE_MS) * self._piece_seconds < _FILES_WAIT_SECONDS

    async def transcribe(self, job: Job, audio: Path, tell: Tell) -> list[Utterance]:
        rank = (int(job.duration_ms > CLIP_MS), job.submitted_at)
        language = job.config.language
        utterances: list[Utterance] = []
        voices: list[list[float]] = []
        done_ms = 0
        self._left_ms[job.id] = job.duration_ms
        try:
            async with self._turns.take(rank) as turn:
                while True:
                    answer = await self._ask(
                        {
                            "path": str(audio),
                            "start_ms": done_ms,
                            "duration_ms": job.duration_ms,
                            "lead_ms": job.config.lead_ms,
                            "lead_tail_ms": job.config.lead_tail_ms,
                            "tail_ms": job.config.tail_ms,
                            "language": language,
                            "candidates": job.config.candidates,
                            "words": job.config.use_word_timestamp,
                            "voices": job.config.speakers is not None,
                        }
                    )
                    if (
                        language == DETECT
                    ):  # the first words decide for all: nobody changes it in mid-sentence
                        language = answer["language"] or DETECT
                    utterances += answer["utterances"]
                    voices += answer["voices"]
                    done_ms = answer["until_ms"]
                    if done_ms >= job.duration_ms:
                        break
                    self._left_ms[job.id] = job.duration_ms - done_ms
                    tell(done_ms)
                    await turn.let_pass()
                if job.config.speakers is not None:
                    told = await self._ask({"voices": voices, "count": job.config.speakers})
                    for utterance, speaker in zip(utterances, told["speakers"], strict=True):
                        utterance["spk"] = speaker
        finally:
            del self._left_ms[job.id]
        return utterances

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        await self._end_worker()
        await asyncio.gather(*self._ending)

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the worker's answer. Raises EngineError; then the next question gets a new worker."""
        if self._idle is not None:
            self._idle.cancel()
        answer = None
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_PIECE_SECONDS_AT_MOST):
                answer = await self._answer(question)
        except WorkerDiedError:
            raise EngineError({"code": "E500", "message": "the recogniser died at this audio"}) from None
        except TimeoutError:
            raise EngineError({"code": "E500", "message": "the recogniser hung at this audio"}) from None
        finally:
            if answer is None:
                await self._end_worker()
        self._piece_seconds += _NEW_SHARE * (time.monotonic() - begun - self._piece_seconds)
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._rest)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the worker's answer, or that of a new one if it ended while it was idle. Raises WorkerDiedError."""
        if self._worker is not None:
            try:
                return await self._worker.ask(question)
            except WorkerGoneError:
                await self._end_worker()
        self._worker = await Worker.start("whisper_worker", *self._files)
        return await self._worker.ask(question)

    def _rest(self) -> None:
        task = asyncio.create_task(self._end_worker())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()
