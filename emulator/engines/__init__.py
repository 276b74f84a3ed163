"""The engines that produce the text, by their names on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..service.engine import Engine
from . import weights
from .echo import EchoEngine
from .pocketsphinx import PocketSphinxEngine
from .whisper import WhisperEngine

WHISPER: Final = "whisper"
NAMES: Final = ("echo", "pocketsphinx", WHISPER)


def make_engine(name: str, model: str, folder: Path, idle_seconds: float) -> Engine:
    """Return the engine. The rest is for whisper, see weights.prepare and WhisperEngine. Raises WeightsError."""
    match name:
        case "echo":
            return EchoEngine()
        case "pocketsphinx":
            return PocketSphinxEngine()
    path = weights.prepare(model, folder)
    weights.check_memory(path)
    return WhisperEngine(model, path, idle_seconds)
