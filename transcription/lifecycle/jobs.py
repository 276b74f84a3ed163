"""RQ's entry points. Each runs one step of the workflow for one row, then wakes the dispatcher."""

import logging
from collections.abc import Callable

from django.db import close_old_connections

from transcription.lifecycle import workflow
from transcription.lifecycle.lease import NotOurs
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
    finally:
        close_old_connections()
        wake()
