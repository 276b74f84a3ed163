"""Every event that a browser is told of: its shape, its group, and the one way to publish it.

Events are published after the commit of what they speak of, and are hints: each carries a version, and a page
that missed one finds out from the next, from the snapshot of its next connection, or when it looks again.
Times are ISO 8601 in UTC; `now` is the server's clock, since a browser's may be wrong.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

import redis
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from transcription.gate import Gate, GateChange, GateState
from transcription.models import Transcription
from transcription.presence import Presence, alive
from transcription.redis_client import redis_client

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
    """Somebody was invited or removed."""

    type: Literal["participant.changed"]
    meeting: int
    version: int  # number of participants there have been: ids only grow


class Snapshot(TypedDict):
    """The first message on a socket: where everything is now."""

    type: Literal["snapshot"]
    meeting: int
    recordings: dict[int, int]  # id → version
    stt: SttState | None  # None: Redis is away
    presence: Presence | None


Event = RecordingChanged | SttDelayed | SttMoved | SttResumed | ParticipantChanged

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


def publish_participants(meeting_id: int, version: int) -> None:
    """Tells a meeting that its people changed."""
    event: ParticipantChanged = {"type": "participant.changed", "meeting": meeting_id, "version": version}
    _publish(meeting_group(meeting_id), event)


def snapshot(meeting_id: int) -> Snapshot:
    """Everything that a page needs to know whether it is up to date, in one query and one look at Redis."""
    versions = (
        Transcription.objects.current().filter(meeting_id=meeting_id).values_list("recording_id", "version")
    )
    stt: SttState | None = None
    presence: Presence | None = None
    try:
        stt = stt_state(Gate(redis_client(), settings.STT_VENDOR).state())
        presence = alive()
    except redis.RedisError as error:
        logger.warning("A snapshot without the gate: %s", error)
    return {
        "type": "snapshot",
        "meeting": meeting_id,
        "recordings": dict(versions),
        "stt": stt,
        "presence": presence,
    }


def _publish(group: str, event: Any) -> None:
    transaction.on_commit(lambda: _send(group, event))


def _send(group: str, event: Any) -> None:
    layer = get_channel_layer()  # type: ignore[no-untyped-call]
    try:
        async_to_sync(layer.group_send)(group, event)
    except (redis.RedisError, OSError) as error:
        # What happened is in the database; pages see it in their next snapshot.
        logger.warning("Event %s was not published: %s", event["type"], error)
