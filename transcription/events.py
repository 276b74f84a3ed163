"""Every event that a browser is told of: its shape, its group, and the one way to publish it.

Events are published after the commit of what they speak of, and are hints: each carries a version, and a page
that missed one finds out from the next, from the snapshot of its next connection, or when it looks again.
Times are ISO 8601 in UTC; `now` is the server's clock, since a browser's may be wrong.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

import redis
from django.db import transaction

from transcription.gate import GateChange, GateState
from transcription.live.attendance import Attendance
from transcription.live.channel_layer import send_to_group
from transcription.models import Transcription

logger = logging.getLogger(__name__)


class RecordingChanged(TypedDict):
    """A recording got a new status. The page fetches the recording's HTML if `version` is newer than its own."""

    type: Literal["recording.changed"]
    meeting: int
    recording: int
    version: int
    status: str


class SttState(TypedDict):
    """The gate as people see it. `state`: open, blocked (until `reopens_at`), probing, held (by an admin)."""

    vendor: str
    state: str
    scope: str | None  # all, submit; None while open
    reason: str | None  # rate, concurrency, quota, unavailable, hold; None while open
    since: str | None
    reopens_at: str | None
    note: str  # an admin's reason for holding it, or what was remarkable about the vendor's answer; mostly ""
    episode: int
    version: int
    now: str


class SttDelayed(SttState):
    """The gate closed: an episode begins. Exactly one of an episode."""

    type: Literal["stt.delayed"]


class SttMoved(SttState):
    """The episode goes on: the next try or the reason is another."""

    type: Literal["stt.moved"]


class SttResumed(SttState):
    """The gate opened: the episode is over. Exactly one of an episode."""

    type: Literal["stt.resumed"]


class ParticipantChanged(TypedDict):
    """Somebody came in, was removed or got another name; or the link to join changed."""

    type: Literal["participant.changed"]
    meeting: int
    version: int  # the meeting's own, shared with MeetingChanged
    removed: int | None  # the participant whose sockets end


class MeetingChanged(TypedDict):
    """The meeting was ended, reopened or deleted."""

    type: Literal["meeting.changed"]
    meeting: int
    version: int
    state: Literal["open", "ended", "deleted"]


class AttendanceChanged(Attendance):
    """Who is here, or who is recording, is somebody else. Of two, the one with the higher version counts."""

    type: Literal["attendance.changed"]
    meeting: int


Event = (
    RecordingChanged
    | SttDelayed
    | SttMoved
    | SttResumed
    | ParticipantChanged
    | MeetingChanged
    | AttendanceChanged
)

# What the gate's three kinds of change are called on the wire.
GATE_EVENTS = {"closed": "stt.delayed", "moved": "stt.moved", "opened": "stt.resumed"}


def meeting_group(meeting_id: int) -> str:
    """The group of everybody who has this meeting's page open."""
    return f"meeting.{meeting_id}"


def stt_group(vendor: str) -> str:
    """The group of everybody whose page waits for this vendor."""
    return f"stt.{vendor}"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def stt_state(state: GateState) -> SttState:
    """The gate's state in the shape that pages and the API get."""
    return {
        "vendor": state.name,
        "state": state.mode,
        "scope": state.scope,
        "reason": state.reason,
        "since": _iso(state.since),
        "reopens_at": _iso(state.reopens_at),
        "note": state.note,
        "episode": state.episode,
        "version": state.version,
        "now": datetime.now(UTC).isoformat(),
    }


def publish_recording(transcription: Transcription) -> None:
    """Tells a meeting that one of its recordings has a new status."""
    event: RecordingChanged = {
        "type": "recording.changed",
        "meeting": transcription.meeting_id,
        "recording": transcription.recording_id,
        "version": transcription.version,
        "status": str(transcription.status),
    }
    _publish(meeting_group(transcription.meeting_id), event)


def publish_gate(change: GateChange) -> None:
    """Tells everybody who waits for a vendor that its gate closed, moved or opened."""
    event = {"type": GATE_EVENTS[change.kind], **stt_state(change.state)}
    _publish(stt_group(change.state.name), event)


def publish_participants(meeting_id: int, version: int, removed: int | None) -> None:
    """Tells a meeting that its people changed, and who is to go."""
    event: ParticipantChanged = {
        "type": "participant.changed",
        "meeting": meeting_id,
        "version": version,
        "removed": removed,
    }
    _publish(meeting_group(meeting_id), event)


def publish_meeting(meeting_id: int, version: int, state: Literal["open", "ended", "deleted"]) -> None:
    """Tells a meeting that it is over, goes on, or is no more."""
    event: MeetingChanged = {
        "type": "meeting.changed",
        "meeting": meeting_id,
        "version": version,
        "state": state,
    }
    _publish(meeting_group(meeting_id), event)


def attendance_changed(meeting_id: int, now: Attendance) -> AttendanceChanged:
    """The event of it. Published by the sockets themselves: nothing of it is in the database."""
    return {"type": "attendance.changed", "meeting": meeting_id, **now}


def _publish(group: str, event: Any) -> None:
    transaction.on_commit(lambda: _send(group, event))


def _send(group: str, event: Any) -> None:
    try:
        send_to_group(group, event)
    except redis.RedisError as error:
        # What happened is in the database; pages see it in their next snapshot.
        logger.warning("Event %s was not published: %s", event["type"], error)
