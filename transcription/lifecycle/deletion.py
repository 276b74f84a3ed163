"""Deletes a meeting: cancels what is in progress, deletes the rows in one transaction, then deletes the files."""

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

    A file that cannot be deleted is logged and stays.
    """
    for recording in Recording.objects.filter(
        meeting=meeting, transcriptions__next_action_at__isnull=False
    ).distinct():
        workflow.cancel(recording)
    pk, version = meeting.pk, meeting.version
    with transaction.atomic():
        # Lock the meeting before collecting its rows: a recording that arrives now waits, then finds no meeting.
        Meeting.objects.select_for_update().filter(pk=pk).first()
        meeting.delete()
        events.publish_meeting(pk, version + 1, "deleted")
        transaction.on_commit(lambda: _remove_files(pk))


def _remove_files(meeting_id: int) -> None:
    """Delete the files of the meeting, and their directory. Log those that cannot be deleted."""
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
            default_storage.delete(name)  # the directory comes last, when it is empty
        except OSError:
            logger.exception("A file of the deleted meeting %s could not be deleted: %s", meeting_id, name)
