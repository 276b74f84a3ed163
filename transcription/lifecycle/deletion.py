"""Deleting a meeting: what is under way is cancelled, the rows go in one transaction, and after it the files."""

import logging
from typing import TypedDict

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Sum

from transcription import events
from transcription.lifecycle import workflow
from transcription.models import Meeting, Recording

logger = logging.getLogger(__name__)


class WhatGoes(TypedDict):
    """What a deletion takes away, for the page that asks. `duration_ms`: of the sound, as far as it is known."""

    recordings: int
    duration_ms: int


def what_goes(meeting: Meeting) -> WhatGoes:
    """How much is lost when `meeting` is deleted."""
    total = meeting.recordings.aggregate(total=Sum("duration_ms"))["total"]
    return {"recordings": meeting.recordings.count(), "duration_ms": total or 0}


def delete(meeting: Meeting) -> None:
    """Takes the meeting away, with its people, recordings, transcripts and files. Every page of it is told."""
    for recording in Recording.objects.filter(
        meeting=meeting, transcriptions__next_action_at__isnull=False
    ).distinct():
        workflow.cancel(recording)
    pk, version = meeting.pk, meeting.version
    with transaction.atomic():
        # Locked before the rows are looked for: what comes in meanwhile waits, and finds no meeting.
        Meeting.objects.select_for_update().filter(pk=pk).first()
        meeting.delete()
        events.publish_meeting(pk, version + 1, "deleted")
        transaction.on_commit(lambda: _remove_files(pk))


def _remove_files(meeting_id: int) -> None:
    """Everything below the meeting's own directory. What cannot be removed is named in the log."""
    directory = f"audio/{meeting_id}"
    try:
        _, files = default_storage.listdir(directory)
    except FileNotFoundError:
        return  # nothing was ever recorded
    except OSError:
        logger.exception("The files of the deleted meeting %s could not be listed: %s", meeting_id, directory)
        return
    for name in [*(f"{directory}/{file}" for file in files), directory]:
        try:
            default_storage.delete(name)  # the empty directory last, where the storage has such a thing
        except OSError:
            logger.exception("A file of the deleted meeting %s is left: %s", meeting_id, name)
