"""What every engine is: a job and its audio in, utterances out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .protocol import JobFault, Utterance
from .store import Job

Tell = Callable[[int], None]  # milliseconds of the audio that are done


class EngineError(Exception):
    """The job failed. Carries the reason."""

    def __init__(self, fault: JobFault) -> None:
        self.fault = fault
        super().__init__(fault["message"])


class Engine(Protocol):
    """languages: the codes that it knows (None: any); shortest_seconds: its jobs take at least so long."""

    languages: frozenset[str] | None
    shortest_seconds: float

    def about(self) -> dict[str, Any]:
        """Return what `/healthz` says about it."""

    def has_room(self, duration_ms: int) -> bool:
        """Return whether it can take one more job, of audio of this length."""

    async def transcribe(self, job: Job, audio: Path, tell: Tell, /) -> list[Utterance]:
        """Return the job's utterances. Raises EngineError. Calls `tell` when it knows how far it is."""

    async def close(self) -> None:
        """End its processes."""
