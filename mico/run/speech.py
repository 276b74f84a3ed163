"""The embedded speech recognition: whether its files are there, whole, and fit into this machine."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from mico.run.surroundings import NotHereError

_BASE_DIR = Path(__file__).resolve().parents[2]


def get_ready() -> str:
    """Have the embedded service get its engine's files ready, and return the engine's name for people.

    It is a program of its own, which alone knows them. Raises NotHereError with its one line.
    """
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "--prepare", *arguments()],
        cwd=_BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines() or ["the embedded speech service says nothing."]
        raise NotHereError(lines[-1].removeprefix("emulator: "))
    return (
        settings.EMULATOR_ENGINE
        if settings.EMULATOR_ENGINE != "whisper"
        else f"whisper {settings.WHISPER_MODEL}"
    )


def arguments() -> list[str]:
    """Return the arguments of `python -m emulator` that choose the engine and its files."""
    return [
        "--engine",
        settings.EMULATOR_ENGINE,
        "--model",
        settings.WHISPER_MODEL,
        "--weights",
        str(settings.DATA_DIR / "models"),
    ]
