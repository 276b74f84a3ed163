"""RQ's entry points: ids in, one step of the workflow, and the dispatcher is told to look again."""

import logging
from collections.abc import Callable

from django.db import close_old_connections

from transcription.lifecycle import workflow
from transcription.lifecycle.lease import NotOurs
from transcription.live.wakeup import wake

logger = logging.getLogger(__name__)


def submit(transcription_id: int, claim: int) -> None:
    """Sends one recording to its vendor."""
    _step(workflow.submit, transcription_id, claim)


def poll(transcription_id: int, claim: int) -> None:
    """Asks the vendor about one job."""
    _step(workflow.poll, transcription_id, claim)


def _step(step: Callable[[int, int], None], transcription_id: int, claim: int) -> None:
    close_old_connections()  # one that a restarted database has left dead
    try:
        step(transcription_id, claim)
    except NotOurs:
        logger.info("Transcription %s: claim %s was overtaken; nothing done.", transcription_id, claim)
    finally:
        close_old_connections()
        wake()
