"""An engine for load tests: it answers a hash of the audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..service.config import DETECT, MULTI
from ..service.engine import Tell
from ..service.protocol import Utterance, Word
from ..service.store import Job


class EchoEngine:
    """Answers a hash of the audio as one utterance of the audio's length. Decodes nothing."""

    languages: frozenset[str] | None = None
    shortest_seconds = 0.1

    def about(self) -> dict[str, Any]:
        return {}

    def has_room(self, _duration_ms: int) -> bool:
        return True

    async def transcribe(self, job: Job, _audio: Path, _tell: Tell) -> list[Utterance]:
        texts = ["echo", job.sha256[:12]]
        language = job.config.language if job.config.language not in (DETECT, MULTI) else "en"
        utterance = Utterance(start_at=0, duration=job.duration_ms, msg=" ".join(texts), spk=0, lang=language)
        if job.config.use_word_timestamp:
            half = job.duration_ms // 2
            utterance["words"] = [
                Word(start_at=at * half, duration=half, text=text) for at, text in enumerate(texts)
            ]
        return [utterance]

    async def close(self) -> None:
        return None
