"""Snapshots: the state that a page gets when it connects, which makes up for every event that it missed.

`events` only publishes; a snapshot also reads.
"""

import logging
from collections.abc import Iterable
from typing import Literal, TypedDict

import redis
from django.conf import settings

from transcription.events import SttState, stt_state
from transcription.gate import shown
from transcription.live.attendance import Attendance, attendance_if_known
from transcription.live.presence import Presence, alive
from transcription.models import Meeting, Transcription
from transcription.polling import estimate
from transcription.polling.estimate import Outlook
from transcription.service.accounts import gate_of, pool_of

logger = logging.getLogger(__name__)


class Service(TypedDict):
    """The state of a vendor's gate, and the number of live processes. Both are None while Redis is unavailable."""

    stt: SttState | None
    presence: Presence | None


class Way(Service):
    """The same for a page whose recordings wait for some of the vendor's pools.

    `stt` is chosen from the account and these pools. A pool's state is None if the gate has not heard of it.
    """

    pools: dict[str, SttState | None]


class Snapshot(Way):
    """The first message on a meeting's socket. `pools`: of its language and of its recordings in progress."""

    type: Literal["snapshot"]
    meeting: int
    version: int  # the meeting's
    state: Literal["open", "ended"]
    attendance: Attendance | None  # None while Redis is unavailable
    recordings: dict[int, int]  # id → version
    progress: dict[int, int]  # id → how much of it the vendor has done, in ms; only of those that it tells of
    outlook: dict[int, Outlook]  # id → when its words may be there, of each recording in progress


class VendorSnapshot(Service):
    """The first message on the socket of a vendor's console."""

    type: Literal["snapshot"]


def meeting_snapshot(meeting: Meeting) -> Snapshot:
    """Return what a page needs to find out whether it is up to date.

    Costs one query and one request to Redis. While a recording is on its way, the estimates come from the picture
    that all pages of this process share.
    """
    rows = list(
        Transcription.objects.current()
        .filter(meeting=meeting)
        .values_list("recording_id", "version", "vendor", "next_action_at", "progress_ms", "pool", "language")
    )
    live = {(row[5], row[6]) for row in rows if row[3] and row[2] == settings.STT_VENDOR}
    pools = {pool_of(settings.STT_VENDOR, meeting.language)}
    pools |= {pool or pool_of(settings.STT_VENDOR, language) for pool, language in live}
    estimates = {vendor: estimate.of_vendor(vendor) for vendor in {row[2] for row in rows if row[3]}}
    return {
        "type": "snapshot",
        "meeting": meeting.pk,
        "version": meeting.version,
        "state": "open" if meeting.ended_at is None else "ended",
        "attendance": attendance_if_known(meeting.pk),
        "recordings": {recording: version for recording, version, *_ in rows},
        "progress": {
            recording: progress_ms
            for recording, _version, _vendor, next_action, progress_ms, *_ in rows
            if next_action and progress_ms is not None
        },
        "outlook": {
            recording: estimates[vendor][recording]
            for recording, _version, vendor, next_action, *_ in rows
            if next_action and recording in estimates[vendor]
        },
        **_way(settings.STT_VENDOR, pools - {""}),
    }


def vendor_snapshot(vendor: str) -> VendorSnapshot:
    """Return the state of a vendor's gate, and the number of live processes. No query."""
    way = _way(vendor, None)
    return {"type": "snapshot", "stt": way["stt"], "presence": way["presence"]}


def _way(vendor: str, pools: Iterable[str] | None) -> Way:
    """Return the part of a snapshot that is about the vendor. `pools`: those that matter, None for all."""
    try:
        states = gate_of(vendor).states()
        present = alive()
    except redis.RedisError as error:
        logger.warning("Redis is unavailable, so a snapshot has no gate: %s", error)
        return {"stt": None, "presence": None, "pools": dict.fromkeys(pools or ())}
    names = [name for name in states if name] if pools is None else list(pools)
    return {
        "stt": stt_state(shown(states, names)),
        "presence": present,
        "pools": {name: stt_state(states[name]) if name in states else None for name in names},
    }
