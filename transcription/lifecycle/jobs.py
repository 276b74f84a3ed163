"""RQ's entry points. Each runs one step of the workflow for one row, then wakes the dispatcher."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections

from transcription import room
from transcription.lifecycle import lease, workflow
from transcription.lifecycle.lease import NotOurs
from transcription.live import no_room
from transcription.live.wakeup import wake

logger = logging.getLogger(__name__)


def submit(transcription_id: int, claim: int) -> None:
    """Send a transcription's recording to its vendor, if `claim` is still the row's."""
    _step(workflow.submit, transcription_id, claim)


def poll(transcription_id: int, claim: int) -> None:
    """Ask the vendor about a transcription's job, if `claim` is still the row's."""
    _step(workflow.poll, transcription_id, claim)


def _step(step: Callable[[int, int], None], transcription_id: int, claim: int) -> None:
    close_old_connections()  # a restart of the database may have left a dead one
    try:
        step(transcription_id, claim)
    except NotOurs:
        logger.info(
            "Transcription %s: claim %s is out of date, so its job did nothing.", transcription_id, claim
        )
    except Exception as error:
        if not room.is_full(error):
            raise
        # Nothing is wrong with the recording: it waits until there is room, and spends no attempt.
        logger.error("Transcription %s waits, the disk is full: %s", transcription_id, error)  # noqa: TRY400
        no_room.note()
        lease.put_off(transcription_id, claim, timedelta(seconds=settings.STT_NO_ROOM_SECONDS))
    finally:
        close_old_connections()
        wake()
