"""A job's lease on its row. When it is not renewed it runs out, and the row comes due again."""

import logging
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone

from transcription.models import Transcription
from transcription.models.flushing import may_be_lost

logger = logging.getLogger(__name__)


class NotOurs(Exception):
    """The job may not begin. It was delivered twice, its row was claimed again, or its transcription has ended."""


def lease_length() -> timedelta:
    """Return the length of a lease."""
    return timedelta(seconds=settings.STT_LEASE_SECONDS)


def put_off(transcription_id: int, claim: int, pause: timedelta) -> None:
    """End the job of this claim without a step, and let the row come due after `pause`.

    Where the database has no room either, nothing is written: the row comes due when the lease runs out.
    """
    held = Transcription.objects.live().filter(pk=transcription_id, claim=claim + 1)
    try:
        held.update(claim=F("claim") + 1, starts=0, next_action_at=timezone.now() + pause)
    except DatabaseError as error:
        logger.warning("Transcription %s was not put off: %s", transcription_id, error)


class Lease:
    """Begins the job of one claim, exactly once, and renews the row's lease until the `with` block ends.

    Entering it raises NotOurs if the claim is no longer the row's. The renewing thread dies with its process, so
    the lease of a worker that was killed runs out.
    """

    def __init__(self, transcription_id: int, claim: int) -> None:
        self._pk = transcription_id
        self._claim = claim + 1
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        with may_be_lost():
            begun = (
                Transcription.objects.live()
                .filter(pk=self._pk, claim=self._claim - 1)
                .update(
                    claim=self._claim, starts=F("starts") + 1, next_action_at=timezone.now() + lease_length()
                )
            )
        if not begun:
            raise NotOurs
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def row(self) -> Transcription:
        """Fetch the transcription with its recording and meeting."""
        return Transcription.objects.select_related("recording", "meeting").get(pk=self._pk)

    def _renew(self) -> None:
        try:
            # The end of a step counts `claim` up (states.py). From then on this UPDATE matches no row, so it cannot
            # postpone what the step scheduled.
            while not self._done.wait(settings.STT_LEASE_SECONDS / 3):
                held = Transcription.objects.live().filter(pk=self._pk, claim=self._claim)
                with may_be_lost():
                    renewed = held.update(next_action_at=timezone.now() + lease_length())
                if not renewed:
                    return
        finally:
            connection.close()
