"""The status changes that a transcription may make, and the only code that writes `status`.

    queued ──► submitting ──► processing ──► done
       ▲            │   │          │  │
       └────────────┘   └──► done  │  └──► failed, cancelled   (from every live state)

Every change is a compare-and-set on (status, version): when two processes try one at once, exactly one succeeds,
on every database.
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
    # `submitting` is written before the POST: the vendor may or may not have a row that is found in it.
    Status.QUEUED: frozenset({Status.SUBMITTING, Status.FAILED, Status.CANCELLED}),
    # To `queued`: the vendor does not have it, or it has to be sent again. To `done`: the vendor answered at once.
    Status.SUBMITTING: frozenset(
        {Status.QUEUED, Status.PROCESSING, Status.DONE, Status.FAILED, Status.CANCELLED}
    ),
    Status.PROCESSING: frozenset({Status.DONE, Status.FAILED, Status.CANCELLED}),
    Status.DONE: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

# Written when a step has ended: this ends the job's lease (lease.py) and resets the number of jobs begun for it.
STEP_OVER: dict[str, Any] = {"claim": F("claim") + 1, "starts": 0}


class IllegalTransition(Exception):
    """`TRANSITIONS` does not allow this change. The code is wrong, never the data."""


def transition(transcription: Transcription, to: Status, **changes: Any) -> bool:
    """Move `transcription` from the status that it was read in to `to`; publish the event after the commit.

    `changes` are other fields to write in the same UPDATE. For a live `to` they may contain `next_action_at`
    (default: now). Return True if the row was written; `transcription` then carries `changes` and the new version.
    Return False if the row has changed since it was read; nothing is written, and `transcription` is stale.

    Raises IllegalTransition.
    """
    before = Status(transcription.status)
    if to not in TRANSITIONS[before]:
        raise IllegalTransition(f"A transcription cannot go from {before} to {to}.")
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
    """Schedule the next action of a live transcription for `at`, in the same status. No event is published.

    `changes` are other fields to write in the same UPDATE. Return False if the row has changed since it was read;
    nothing is written then.
    """
    written = Transcription.objects.filter(
        pk=transcription.pk,
        status=transcription.status,
        version=transcription.version,
        next_action_at__isnull=False,
    ).update(next_action_at=at, **STEP_OVER, **changes)
    return written == 1
