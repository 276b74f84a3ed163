"""What is done, once, about each change of the gate: its history, the pages, and the rows that waited."""

import logging
from datetime import UTC, datetime

from django.contrib.auth.models import AbstractBaseUser

from transcription import events
from transcription.gate import GateChange, Purpose
from transcription.models import GateEvent, Transcription
from transcription.wakeup import wake

logger = logging.getLogger(__name__)


def record(
    change: GateChange, *, transcription: Transcription | None = None, user: AbstractBaseUser | None = None
) -> None:
    """Called by the one that was given the change: the report of a transcription's request, or an admin."""
    events.publish_gate(change)  # first: people see it at once
    if not change.state.stops(Purpose.POLL):
        wake()  # all of it opened, or the polls may go on while submits still wait
    state = change.state
    if state.reason == "quota":
        # Waiting does not help: somebody has to act. ERROR is what log watchers wake people for.
        logger.error("The quota of %s is used up: submits are held. %s", state.name, state.note)
    GateEvent.objects.create(
        vendor=state.name,
        kind=change.kind,
        episode=state.episode,
        lane=change.lane,
        reason=state.reason or "",
        reopens_at=None if state.reopens_at is None else datetime.fromtimestamp(state.reopens_at, UTC),
        note=state.note[:200],
        transcription=transcription,
        user_id=None if user is None else user.pk,
    )
