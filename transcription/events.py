"""The events that browsers receive: their shapes, their groups, and the one way to publish them.

An event is published after the commit of the change that it reports. It is a hint, and carries a version: a page that
missed one finds out from the next event, from the snapshot of its next connection, or when it looks again.
Times are ISO 8601 in UTC. `now` is the server's clock, because a browser's may be wrong.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

import redis
from django.db import transaction

from transcription.gate import GateChange, GateState
from transcription.live.attendance import Attendance
from transcription.live.channel_layer import send_to_group
from transcription.models import Transcription

logger = logging.getLogger(__name__)


class RecordingChanged(TypedDict):
    """A recording's status, words or progress changed.

    The page fetches its HTML if `version` is newer than the page's. Progress alone makes no new version.
    """

    type: Literal["recording.changed"]
    meeting: int
    recording: int
    version: int
    status: str
    progress_ms: int | None  # how much of it the vendor has done, while it is transcribed; None: not told


class SttState(TypedDict):
    """The gate's state as people see it.

    `state` is open, blocked (until `reopens_at`), probing or held (by an admin). `pool` is whose state it is: a
    pool's, which concerns only those who wait for it, or "", the account's.
    """

    vendor: str
    pool: str
    state: str
    scope: str | None  # all, submit; None while open
    reason: str | None  # rate, concurrency, quota, credentials, unavailable, hold; None while open
    since: str | None
    reopens_at: str | None
    note: str  # an admin's reason for a hold, or what was unusual about the vendor's answer; usually ""
    episode: int
    version: int
    now: str


class SttDelayed(SttState):
    """The gate closed, which begins an episode of its pool. Each episode has exactly one such event."""

    type: Literal["stt.delayed"]


class SttMoved(SttState):
    """The time of the next try, or the reason, changed during an episode."""

    type: Literal["stt.moved"]


class SttResumed(SttState):
    """The gate opened, which ends the episode. Each episode has exactly one such event."""

    type: Literal["stt.resumed"]


class ParticipantChanged(TypedDict):
    """A participant joined, was removed or got a new name, or the link to join changed."""

    type: Literal["participant.changed"]
    meeting: int
    version: int  # the meeting's own, shared with MeetingChanged
    removed: int | None  # the participant whose sockets end


class MeetingChanged(TypedDict):
    """The meeting was ended, reopened or deleted, or has another language."""

    type: Literal["meeting.changed"]
    meeting: int
    version: int
    state: Literal["open", "ended", "deleted"]
    language: NotRequired[str]  # the new one


class AttendanceChanged(Attendance):
    """The meeting's attendance changed. An event with a lower version than the last one is out of date."""

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

# The type of the event for each kind of change of the gate.
GATE_EVENTS = {"closed": "stt.delayed", "moved": "stt.moved", "opened": "stt.resumed"}


def meeting_group(meeting_id: int) -> str:
    """Return the name of the group of this meeting's pages."""
    return f"meeting.{meeting_id}"


def stt_group(vendor: str) -> str:
    """Return the name of the group of the pages that wait for this vendor."""
    return f"stt.{vendor}"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def stt_state(state: GateState) -> SttState:
    """Return the gate's state in the shape that pages and the API get."""
    return {
        "vendor": state.name,
        "pool": state.pool,
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
    """Publish the version and status of a transcription to its meeting's pages."""
    event: RecordingChanged = {
        "type": "recording.changed",
        "meeting": transcription.meeting_id,
        "recording": transcription.recording_id,
        "version": transcription.version,
        "status": str(transcription.status),
        "progress_ms": transcription.progress_shown_ms,
    }
    _publish(meeting_group(transcription.meeting_id), event)


def publish_gate(change: GateChange) -> None:
    """Publish a change of a vendor's gate, without what it has `also`, to the pages that wait for the vendor."""
    event = {"type": GATE_EVENTS[change.kind], **stt_state(change.state)}
    _publish(stt_group(change.state.name), event)


def publish_participants(meeting_id: int, version: int, removed: int | None) -> None:
    """Publish a change of a meeting's people to its pages.

    `removed` is the id of the participant whose sockets have to close, or None.
    """
    event: ParticipantChanged = {
        "type": "participant.changed",
        "meeting": meeting_id,
        "version": version,
        "removed": removed,
    }
    _publish(meeting_group(meeting_id), event)


def publish_meeting(
    meeting_id: int, version: int, state: Literal["open", "ended", "deleted"], *, language: str | None = None
) -> None:
    """Publish to a meeting's pages that it was reopened, ended or deleted, or has another language."""
    event: MeetingChanged = {
        "type": "meeting.changed",
        "meeting": meeting_id,
        "version": version,
        "state": state,
    }
    if language is not None:
        event["language"] = language
    _publish(meeting_group(meeting_id), event)


def attendance_changed(meeting_id: int, now: Attendance) -> AttendanceChanged:
    """Return the event of a changed attendance.

    The sockets publish it themselves, because attendance is not in the database and needs no commit.
    """
    return {"type": "attendance.changed", "meeting": meeting_id, **now}


def _publish(group: str, event: Any) -> None:
    transaction.on_commit(lambda: _send(group, event))


def _send(group: str, event: Any) -> None:
    try:
        send_to_group(group, event)
    except redis.RedisError as error:
        # The change is in the database, so the pages see it in their next snapshot.
        logger.warning("Event %s was not published: %s", event["type"], error)
