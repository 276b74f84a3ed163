"""The process in which files are decoded: `python -m transcription.sound.decoder`, started by sandbox.py.

It imports nothing of Django, opens no file by name, and ends itself at a limit of memory or processor time. The
answer is one line of JSON: `{"info": …}`, `{"decoded": …}`, `{"refused": [code, message]}` or
`{"os_error": [number, text]}`.
"""

import argparse
import io
import json
import os
import resource
import sys
from dataclasses import asdict
from importlib import import_module

from transcription.sound.audio import decode
from transcription.sound.formats import AudioError, probe


class Reader(io.RawIOBase):
    """A file by its descriptor, with a position of its own. Closing it leaves the descriptor open."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def main() -> None:
    """Do what the arguments say, and print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=int, required=True, help="a descriptor")
    parser.add_argument("--target", type=int, help="a descriptor; without it, the sound is not kept")
    parser.add_argument(
        "--longest-ms", type=int, help="decode, up to this length; without it, read the header"
    )
    parser.add_argument("--memory", type=int, required=True, help="bytes")
    parser.add_argument("--processor", type=int, required=True, help="seconds")
    wish = parser.parse_args()
    _load_all()
    _limit(resource.RLIMIT_DATA, wish.memory)
    _limit(resource.RLIMIT_CPU, wish.processor)

    def opener() -> io.BufferedReader:
        return io.BufferedReader(Reader(wish.source), 1 << 16)

    answer: dict[str, object]
    try:
        if wish.longest_ms is None:
            with opener() as file:
                answer = {"info": asdict(probe(file))}
        elif wish.target is None:
            answer = {"decoded": asdict(decode(opener, None, wish.longest_ms))}
        else:
            with os.fdopen(wish.target, "r+b") as target:
                answer = {"decoded": asdict(decode(opener, target, wish.longest_ms))}
    except AudioError as error:
        answer = {"refused": [error.code, error.message]}
    except MemoryError:
        answer = {"refused": ["too_complex", f"more than {wish.memory} bytes of memory"]}
    except OSError as error:
        answer = {"os_error": [error.errno, str(error)]}
    sys.stdout.write(json.dumps(answer))


def _load_all() -> None:
    """Load what PyAV loads only when it opens a file. Behind the limit of memory that could fail."""
    for kind in ("audio", "video", "subtitles"):
        import_module(f"av.{kind}.stream")


def _limit(kind: int, value: int) -> None:
    _soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # The soft limit of processor time ends the process by SIGXCPU, which the parent can tell from other signals.
    resource.setrlimit(kind, (value, hard))


if __name__ == "__main__":
    main()
