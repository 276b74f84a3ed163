"""A worker that SIGKILL ends at a named point of its first job: python -m tests.dying_worker POINT."""

import os
import signal
import sys
from typing import Any, NoReturn

import django
from django.core.management import call_command


def die(*_: Any, **__: Any) -> NoReturn:
    """End this process so that no code of it can clean up."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main(point: str) -> None:
    """Replace the function at `point` by one that kills the process, and run a worker."""
    django.setup()
    from transcription.lifecycle import workflow
    from transcription.service import reports
    from transcription.sound import media
    from transcription.vendors.rtzr import Rtzr

    finish = workflow._finish

    def finish_and_die(*arguments: Any, **keywords: Any) -> NoReturn:
        finish(*arguments, **keywords)
        die()

    points = {
        "in the preparation": (media, "prepare"),
        "after submitting was written": (Rtzr, "submit"),
        "after the vendor's answer": (workflow, "_accepted"),
        "in a poll": (Rtzr, "fetch"),
        "before the words are kept": (workflow, "_finish"),
        "with a change of the gate": (reports, "record"),
    }
    if point == "after the words are kept":
        workflow._finish = finish_and_die
    else:
        setattr(*points[point], die)
    call_command("rqworker")


if __name__ == "__main__":
    main(sys.argv[1])
