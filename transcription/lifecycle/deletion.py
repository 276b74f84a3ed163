"""Deletes a meeting: cancels what is in progress, deletes the rows in one transaction, then deletes the files.

The same transaction writes a note, `DeletedMeeting`. If the process dies before the files are gone, or one of them
cannot be deleted, the dispatcher's sweep goes on by the note (sweep.py).
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TypedDict

from django.db import transaction
from django.db.models import Sum

from transcription import events
from transcription.lifecycle import workflow
from transcription.models import DeletedMeeting, Meeting, Transcription, Upload
from transcription.sound import left_over, uploads

logger = logging.getLogger(__name__)


class WhatGoes(TypedDict):
    """What a deletion removes, for the page that asks for confirmation.

    `duration_ms` is the length of the sound. It leaves out recordings whose length is not known yet.
    """

    recordings: int
    duration_ms: int


def what_goes(meeting: Meeting) -> WhatGoes:
    """Return how much is lost when `meeting` is deleted. One query for each figure."""
    total = meeting.recordings.aggregate(total=Sum("duration_ms"))["total"]
    return {"recordings": meeting.recordings.count(), "duration_ms": total or 0}


def delete(meeting: Meeting) -> None:
    """Delete the meeting with its people, recordings, transcripts and files, and publish `meeting.changed`.

    A file that cannot be deleted is logged, and tried again later.
    """
    pk, version = meeting.pk, meeting.version
    with transaction.atomic():
        # Lock the meeting before collecting its rows: a recording that arrives now waits, then finds no meeting.
        Meeting.objects.select_for_update().filter(pk=pk).first()
        unfinished = list(Upload.objects.filter(meeting=pk))
        # What is under way is not cancelled first: a job finds that its row is gone. So a process that dies here
        # leaves no meeting with everything in it cancelled.
        live = list(Transcription.objects.live().filter(meeting=pk).select_related("recording"))
        meeting.delete()
        DeletedMeeting.objects.get_or_create(meeting_id=pk)
        events.publish_meeting(pk, version + 1, "deleted")
        transaction.on_commit(lambda: _after(pk, live, unfinished))


def left() -> Iterator[left_over.Found]:
    """Yield the files of deleted meetings that are not gone yet."""
    for note in DeletedMeeting.objects.order_by("meeting_id"):
        yield from left_over.of_meeting(note.meeting_id)


def forget(before: datetime) -> None:
    """Drop the notes of meetings that were deleted before this moment, where all of their files are gone.

    Until then a process that handed something in, or prepared it, while the meeting was deleted may die before it
    removes its own file again.
    """
    for note in DeletedMeeting.objects.filter(at__lt=before):
        if not any(found.remove for found in left_over.of_meeting(note.meeting_id)):
            note.delete()


def _after(meeting_id: int, live: list[Transcription], unfinished: list[Upload]) -> None:
    for row in live:
        workflow.leave(row, row.vendor_job_id)
    _remove_files(meeting_id, unfinished)


def _remove_files(meeting_id: int, unfinished: list[Upload]) -> None:
    """Delete the files of the meeting, and their directory. Log those that cannot be deleted."""
    for upload in unfinished:
        _try(partial(_unlink, upload), meeting_id, str(uploads.path_of(upload)))
    try:
        found = list(left_over.of_meeting(meeting_id))
    except OSError:
        logger.exception("The files of the deleted meeting %s could not be listed.", meeting_id)
        return
    for file in found:
        if file.remove:
            _try(file.remove, meeting_id, file.name)


def _unlink(upload: Upload) -> bool:
    uploads.path_of(upload).unlink(missing_ok=True)
    return True


def _try(remove: Callable[[], bool], meeting_id: int, name: str) -> None:
    try:
        remove()
    except OSError:
        logger.exception("A file of the deleted meeting %s could not be deleted: %s", meeting_id, name)
