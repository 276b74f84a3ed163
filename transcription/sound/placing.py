"""Where a recording lies in its meeting.

Live speech lies where it was spoken. A file for which no time is given follows everything that was there before it
came. How long that is may be known better later, when it has been decoded: files that follow then move along, so
that none lies over another and no false hole is left.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce
from django.utils import timezone

from transcription import events
from transcription.models import Meeting, Recording, Transcription


def into(meeting: Meeting, moment: datetime) -> int:
    """Return `moment` as milliseconds since the meeting began."""
    return int((moment - meeting.created_at).total_seconds() * 1000)


def ends_now(meeting: Meeting, duration_ms: int) -> int:
    """Return where a recording that ends now begins, in ms in the meeting."""
    return max(0, into(meeting, timezone.now()) - duration_ms)


def place(recording: Recording) -> None:
    """Give a new recording, for which no time is known, its place. Call it in the transaction that saves it."""
    meeting = recording.meeting
    if recording.kind == Recording.Kind.LIVE:
        recording.offset_ms = ends_now(meeting, recording.duration_ms or 0)
        return
    _lock(meeting.pk)  # of two files that arrive together, the second begins where the first ends
    end = Max(F("offset_ms") + Coalesce("duration_ms", 0))
    recording.offset_ms = meeting.recordings.aggregate(end=end)["end"] or 0
    recording.follows = True


@transaction.atomic
def put_right(recording: Recording) -> bool:
    """Write what preparing a recording found out, and move the files that follow it. Return False if it is gone."""
    _lock(recording.meeting_id)
    kept = Recording.objects.filter(pk=recording.pk).update(
        duration_ms=recording.duration_ms,
        read_ms=recording.read_ms,
        whole_ms=recording.whole_ms,
        prepared=recording.prepared.name,
        prepared_at=recording.prepared_at,
    )
    if kept:
        _move_followers(recording)
    return bool(kept)


def _lock(meeting_id: int) -> None:
    # SQLite runs writing transactions one after the other anyway.
    Meeting.objects.select_for_update().filter(pk=meeting_id).first()


def _move_followers(recording: Recording) -> None:
    """Put each file that came later, and follows, at the end of all that was there before it."""
    if not Recording.objects.filter(
        meeting_id=recording.meeting_id, pk__gt=recording.pk, follows=True
    ).exists():
        return
    end = 0
    rows = Recording.objects.filter(meeting_id=recording.meeting_id).order_by("pk")
    for pk, begins_ms, duration_ms, follows in rows.values_list("pk", "offset_ms", "duration_ms", "follows"):
        moves = follows and pk > recording.pk and begins_ms != end
        if moves:
            Recording.objects.filter(pk=pk).update(offset_ms=end)
            _tell(pk)
        end = max(end, (end if moves else begins_ms) + (duration_ms or 0))


def _tell(recording_id: int) -> None:
    """Give a recording a new version, so that pages fetch it again, and publish it.

    Not one whose transcription is live: a job may be about to write to it, at the version that it knows. Its next
    step brings a new version anyway.
    """
    ended = Transcription.objects.current().filter(recording=recording_id, next_action_at__isnull=True)
    if ended.update(version=F("version") + 1):
        events.publish_recording(ended.get())
