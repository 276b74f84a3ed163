"""The engines that produce the text, by their names on the command line."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Final

from ..service.engine import Engine
from . import voiceprints, weights
from .echo import EchoEngine
from .pocketsphinx import PocketSphinxEngine
from .whisper import WhisperEngine

logger = logging.getLogger(__name__)

WHISPER: Final = "whisper"
NAMES: Final = ("echo", "pocketsphinx", WHISPER)


def make_engine(name: str, model: str, folder: Path, idle_seconds: float) -> Engine:
    """Return the engine. The rest is for whisper, see weights.prepare and WhisperEngine. Raises WeightsError."""
    match name:
        case "echo":
            return EchoEngine()
        case "pocketsphinx":
            if importlib.util.find_spec("pocketsphinx") is None:
                raise weights.WeightsError(
                    "The package pocketsphinx is not installed (it has no wheel for Python 3.14): install it, or"
                    " choose the engine whisper."
                )
            return PocketSphinxEngine()
    path = weights.prepare(model, folder)
    weights.check_memory(path)
    voices = voiceprints.find()
    if voices is None:
        logger.warning(
            "The package resemblyzer is not installed: speakers are told apart by the pitch of their voices, two at"
            f" most. To tell more apart: {weights.INSTALL}."
        )
    return WhisperEngine(model, path, voices, idle_seconds)
