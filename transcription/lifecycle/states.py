"""A transcription's life: the one table of what may follow what, and the only code that writes `status`.

    queued ──► submitting ──► processing ──► done
       ▲            │   │          │  │
       └────────────┘   └──► done  │  └──► failed, cancelled   (from every living state)

Every change is a compare-and-set on (status, version): of two that try, one wins, on every database.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from transcription import events
from transcription.models import Transcription

Status = Transcription.Status

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # submitting is written before the POST: who finds a row in it does not know whether the vendor has it.
    Status.QUEUED: frozenset({Status.SUBMITTING, Status.FAILED, Status.CANCELLED}),
    # back to queued: the vendor does not have it, or it is to be sent once more; done: it answered at once.
    Status.SUBMITTING: frozenset(
        {Status.QUEUED, Status.PROCESSING, Status.DONE, Status.FAILED, Status.CANCELLED}
    ),
    Status.PROCESSING: frozenset({Status.DONE, Status.FAILED, Status.CANCELLED}),
    Status.DONE: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

# Written when a job's step came to its end: the job's lease is over (lease.py), and it did not die of it.
STEP_OVER: dict[str, Any] = {"claim": F("claim") + 1, "starts": 0}


class IllegalTransition(Exception):
    """The table does not know this change: a fault in the code, never in the data."""


def transition(transcription: Transcription, to: Status, **changes: Any) -> bool:
    """Moves `transcription` from the status it was read in to `to`, and tells its meeting after the commit.

    `changes` are other fields written in the same UPDATE; `next_action_at` among them for a living `to`
    (default: now). True: written, and `transcription` carries the new values. False: somebody else was faster;
    nothing is written, and `transcription` is stale.

    Raises IllegalTransition.
    """
    before = Status(transcription.status)
    if to not in TRANSITIONS[before]:
        raise IllegalTransition(f"{before} → {to}")
    now = timezone.now()
    changes |= {"status": to, "status_since": now}
    if to in Transcription.TERMINAL:
        changes |= {"next_action_at": None, "finished_at": now}
    else:
        changes.setdefault("next_action_at", now)
    step_over = {} if to is Status.SUBMITTING else STEP_OVER
    with transaction.atomic():
        written = Transcription.objects.filter(
            pk=transcription.pk, status=before, version=transcription.version
        ).update(version=F("version") + 1, **step_over, **changes)
        if not written:
            return False
        for field, value in changes.items():
            setattr(transcription, field, value)
        transcription.version += 1
        events.publish_recording(transcription)
    return True


def reschedule(transcription: Transcription, at: datetime, **changes: Any) -> bool:
    """Puts the next action of a living transcription at `at`, in the same status. Nobody is told.

    False: it has changed since it was read; nothing is written.
    """
    written = Transcription.objects.filter(
        pk=transcription.pk,
        status=transcription.status,
        version=transcription.version,
        next_action_at__isnull=False,
    ).update(next_action_at=at, **STEP_OVER, **changes)
    return written == 1
