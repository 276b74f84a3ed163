"""Attendance: who has a meeting's page open, and who is recording there.

Each connection reports it every few seconds, and Redis alone keeps it. A connection also reports its own end. One
that dies with its process expires after EXPIRES_SECONDS, which the next beat of any other connection of the meeting
notices. A person with several tabs counts once.
"""

import logging
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import redis

from transcription.live.redis_client import redis_client

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
EXPIRES_SECONDS = 15

_SCRIPT = Path(__file__).with_name("attendance.lua").read_text(encoding="utf-8")


class Doing(StrEnum):
    """What a connection reports about itself."""

    HERE = "here"
    RECORDING = "recording"
    GONE = "gone"


class Attendance(TypedDict):
    """Sorted ids of participants. `version` grows with each change."""

    version: int
    here: list[int]
    recording: list[int]


def beat(meeting_id: int, participant_id: int, connection: str, doing: Doing) -> Attendance | None:
    """Record what a connection is doing. Return the meeting's attendance if that changed it, else None.

    Raises redis.RedisError.
    """
    changed, now = _run(meeting_id, f"{participant_id} {connection}", doing)
    return now if changed else None


def attendance_of(meeting_id: int) -> Attendance:
    """Return the meeting's attendance. Raises redis.RedisError."""
    return _run(meeting_id, "", Doing.HERE)[1]


def attendance_if_known(meeting_id: int) -> Attendance | None:
    """Return the meeting's attendance, or None while Redis is unavailable."""
    try:
        return attendance_of(meeting_id)
    except redis.RedisError as error:
        logger.warning("Redis is unavailable, so attendance is unknown: %s", error)
        return None


def _run(meeting_id: int, connection: str, doing: Doing) -> tuple[bool, Attendance]:
    keys = [f"mico:meeting:{meeting_id}:{name}" for name in ("here", "recording", "told")]
    script = redis_client().register_script(_SCRIPT)
    changed, version, here, recording = script(keys=keys, args=[connection, str(doing), EXPIRES_SECONDS])
    return bool(changed), {"version": version, "here": here, "recording": recording}
