"""A worker that is killed, as by `kill -9`, at a named point of its first job: python -m tests.dying_worker POINT."""

import os
import signal
import sys
from typing import Any, NoReturn

import django
from django.core.management import call_command


def die(*_: Any, **__: Any) -> NoReturn:
    """What no code of the process can catch."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main(point: str) -> None:
    """Replaces the function at the point, and works."""
    django.setup()
    from transcription.lifecycle import workflow
    from transcription.sound import media
    from transcription.vendors.rtzr import Rtzr

    points = {
        "in the preparation": (media, "prepare"),
        "after submitting was written": (Rtzr, "submit"),
        "after the vendor's answer": (workflow, "_accepted"),
        "in a poll": (Rtzr, "fetch"),
        "before the words are kept": (workflow, "_finish"),
    }
    setattr(*points[point], die)
    call_command("rqworker")


if __name__ == "__main__":
    main(sys.argv[1])
