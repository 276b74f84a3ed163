"""What the engine does around its worker: how much it takes on, and what it does with a worker that hangs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from emulator.engines import whisper
from emulator.engines.whisper import CLIP_MS, WhisperEngine
from emulator.engines.worker import Worker
from emulator.service.config import Config
from emulator.service.engine import EngineError
from emulator.service.store import Job

HOUR_MS = 3_600_000


@pytest.fixture
def engine() -> WhisperEngine:
    """One that has measured a piece to take 2 s, and has no worker yet."""
    return WhisperEngine("base", Path("unused"), voices=None)


@pytest.mark.parametrize(
    ("waiting", "duration_ms", "room"),
    [
        ([], 4 * HOUR_MS, True),  # one file always has room
        ([HOUR_MS], HOUR_MS, True),
        ([HOUR_MS] * 15, HOUR_MS, False),  # more than two hours of work
        ([HOUR_MS] * 15, CLIP_MS, True),  # a clip does not wait for files
        ([5_000] * 14, 5_000, True),
        ([5_000] * 15, 5_000, False),  # it would wait half a minute
        ([5_000] * 15, HOUR_MS, True),
    ],
)
def test_it_takes_what_it_can_do_in_time(
    engine: WhisperEngine, waiting: list[int], duration_ms: int, room: bool
) -> None:
    engine._left_ms = {str(number): left for number, left in enumerate(waiting)}
    assert engine.has_room(duration_ms) is room


def test_on_a_slow_machine_it_takes_less_but_always_a_few_clips(engine: WhisperEngine) -> None:
    engine._piece_seconds = 20.0
    engine._left_ms = {str(number): 5_000 for number in range(3)}
    assert engine.has_room(5_000)
    engine._left_ms["3"] = 5_000
    assert not engine.has_room(5_000)


def test_a_worker_that_hangs_is_ended_and_its_job_has_failed(
    engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []

    async def start(*_arguments: str) -> Worker:
        started.append(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "import time; time.sleep(600)"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )
        return Worker(started[-1])

    monkeypatch.setattr(Worker, "start", start)
    monkeypatch.setattr(whisper, "_PIECE_SECONDS_AT_MOST", 0.2)
    job = Job("id", "someone", Config("whisper", "en", True), "sha", 5_000, 0.0, 0.0)

    async def run() -> None:
        with pytest.raises(EngineError) as error:
            await engine.transcribe(job, Path("audio"), lambda _done_ms: None)
        assert error.value.fault == {"code": "E500", "message": "the recogniser hung at this audio"}
        await engine.close()

    asyncio.run(run())
    assert [process.returncode for process in started] == [-9]
    assert engine.has_room(5_000)
    assert engine._left_ms == {}
