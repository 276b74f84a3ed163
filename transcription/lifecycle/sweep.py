"""Removes what processes that died have left behind, and finishes the deletions that they began.

The dispatcher does so once an hour, and `manage.py sweep` when somebody asks. Everything has a minimum age, since a
file is always there before its row; only the files of a meeting that was deleted have none.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from transcription.lifecycle import deletion
from transcription.sound import left_over, uploads
from transcription.sound.left_over import Found, Why

logger = logging.getLogger(__name__)

# "young": not of the minimum age yet; "kept": never removed, or needed after all; "failed": could not be deleted.
What = Literal["removed", "would be removed", "young", "kept", "failed"]


@dataclass(frozen=True, slots=True)
class Swept:
    """A file, and what became of it."""

    file: Found
    what: What
    age: timedelta


def sweep(
    min_age: timedelta,
    *,
    dry_run: bool = False,
    of_no_meeting: bool = False,
    now: datetime | None = None,
) -> Iterator[Swept]:
    """Yield each file that is left over, and what became of it: removed, unless `dry_run`.

    `of_no_meeting`: also the files whose meeting the database does not have. `now`: the present moment, for tests.
    Raises OSError if the storage cannot be listed, and database errors.
    """
    now = now or timezone.now()
    # Uploads last: their rows cannot be deleted while the database has no room.
    found = chain(deletion.left(), left_over.files(of_no_meeting=of_no_meeting), _expired(now))
    for file in found:
        age = now - file.changed_at
        if file.remove is None:
            yield Swept(file, "kept", age)
        elif file.why not in {Why.DELETED, Why.EXPIRED} and age < min_age:
            yield Swept(file, "young", age)
        elif dry_run:
            yield Swept(file, "would be removed", age)
        else:
            yield Swept(file, _removed(file), age)
    if not dry_run:
        deletion.forget(now - min_age)


def begin() -> threading.Thread:
    """Sweep in a thread, so that nobody waits for it, with the minimum age of the settings. Return the thread."""
    thread = threading.Thread(target=_in_background, name="sweep", daemon=True)
    thread.start()
    return thread


def _in_background() -> None:
    removed = failed = size = 0
    try:
        for swept in sweep(settings.SWEEP_MIN_AGE):
            removed += swept.what == "removed"
            failed += swept.what == "failed"
            size += swept.file.size_bytes or 0 if swept.what == "removed" else 0
    except (OSError, DatabaseError, NotImplementedError):
        logger.exception("What is left over could not be swept; it is tried again in an hour.")
    finally:
        connection.close()
    if removed or failed:
        logger.info("Swept %s files of %s bytes; %s could not be removed.", removed, size, failed)


def _expired(now: datetime) -> Iterator[Found]:
    """Yield the uploads in parts that are past their lifetime."""
    for upload in uploads.expired(now):
        yield Found(
            str(uploads.path_of(upload)),
            upload.received_bytes,
            upload.changed_at,
            Why.EXPIRED,
            partial(uploads.discard_idle, upload),
        )


def _removed(file: Found) -> What:
    try:
        return "removed" if file.remove is not None and file.remove() else "kept"
    except FileNotFoundError:
        return "removed"  # by somebody else who sweeps
    except (OSError, DatabaseError):
        logger.exception("What is left over could not be removed: %s", file.name)
        return "failed"
