"""A deletion whose process SIGKILL ends between the rows and the files: python -m tests.dying_deletion MEETING."""

import os
import signal
import sys
from typing import Any, NoReturn

import django


def die(*_: Any) -> NoReturn:
    """End this process so that no code of it can clean up."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main(meeting: int) -> None:
    """Delete the meeting; the process ends when its files are to be removed."""
    django.setup()
    from transcription.lifecycle import deletion
    from transcription.models import Meeting

    setattr(deletion, "_remove_files", die)  # noqa: B010 - mypy knows its type
    deletion.delete(Meeting.objects.get(pk=meeting))


if __name__ == "__main__":
    main(int(sys.argv[1]))
