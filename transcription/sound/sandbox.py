"""Decodes a file in a process of its own, with limits of memory and time. A file that breaks it fails alone."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from transcription.sound.audio import Decoded
from transcription.sound.formats import AudioError, AudioInfo

_ROOT = Path(__file__).parents[2]
_MEGABYTE = 1_000_000

# The limits of a child. An hour of sound takes about 12 s of processor and 100 MB (make bench ARGS=pipeline has the
# machine's speed); the least that an hour of silence can be compressed to is about 200 kB.
MEMORY = 600 * _MEGABYTE  # bytes
PROCESSOR = 60  # s, and for each MB of the file:
PROCESSOR_PER_MB = 40
PROCESSOR_MOST = 1800
# A busy machine gives the child so much less than a processor.
SLOWEST = 4

# Signals by which a process ends because of what it did itself. Any other was sent to it.
_OWN_FAULT = {
    signal.SIGXCPU,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGABRT,
    signal.SIGTRAP,
}


class DecoderEnded(OSError):
    """Somebody ended the decoder's process, or it could not start. Nothing is known about the file."""


def probe(source: BinaryIO) -> AudioInfo:
    """Read the header of a file, whatever its position. Raises AudioError, and OSError of the storage."""
    return AudioInfo(**_run(source, None, [])["info"])


def decode(source: BinaryIO, target: BinaryIO, longest_ms: int) -> Decoded:
    """Write the sound of `source` to the real file `target`. Raises AudioError, and OSError of the disk."""
    target.flush()
    wish = ["--target", str(target.fileno()), "--longest-ms", str(longest_ms)]
    return Decoded(**_run(source, target.fileno(), wish)["decoded"])


def _run(source: BinaryIO, target: int | None, wish: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        descriptor = _descriptor(source)
        if descriptor is None:
            source.seek(0)
            shutil.copyfileobj(source, copy, _MEGABYTE)
            copy.flush()
            descriptor = copy.fileno()
        size = os.fstat(descriptor).st_size
        processor = min(PROCESSOR_MOST, PROCESSOR + PROCESSOR_PER_MB * size // _MEGABYTE)
        command = [sys.executable, "-m", "transcription.sound.decoder", "--source", str(descriptor), *wish]
        command += ["--memory", str(MEMORY), "--processor", str(processor)]
        try:
            # One thread: more would only take processors from others, and memory for their stacks.
            child = subprocess.run(  # noqa: S603 - nothing of the command comes from outside
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                cwd=_ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                pass_fds=[descriptor] if target is None else [descriptor, target],
                timeout=SLOWEST * processor,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise AudioError("too_complex", f"more than {SLOWEST * processor} s") from None
    return _answer(child.returncode, child.stdout)


def _descriptor(source: BinaryIO) -> int | None:
    """Return the descriptor of a real file, or None: the file is in memory, or in some storage."""
    try:
        descriptor = source.fileno()
    except (AttributeError, OSError):
        return None
    return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _answer(status: int, output: bytes) -> dict[str, Any]:
    if status < 0 and -status in _OWN_FAULT:
        raise AudioError("too_complex", f"the decoder ended by {signal.Signals(-status).name}")
    if status != 0:
        raise DecoderEnded(f"The decoder ended with status {status}.")
    answer: dict[str, Any] = json.loads(output)
    match answer:
        case {"refused": [code, message]}:
            raise AudioError(code, message)
        case {"os_error": [number, text]}:
            raise OSError(number, text)
    return answer
