"""The state of the way to each vendor, for people: the gate, the rows that wait for it, the processes alive."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypedDict

import redis
from django.conf import settings
from django.db.models import Count

from transcription import events
from transcription.gate import GateFigures, GateState, Purpose
from transcription.live import presence
from transcription.models import Transcription
from transcription.service.accounts import gate_of

logger = logging.getLogger(__name__)

Status = Transcription.Status


class Counts(TypedDict):
    """Live transcriptions of a vendor: not yet accepted by it, and in work there."""

    waiting: int
    in_flight: int


class Standing(events.SttState, Counts):
    """Everything about one vendor. `state` is "unknown" and `presence` None while Redis is away."""

    presence: presence.Presence | None


def gate_state(vendor: str) -> GateState | None:
    """Return the present state of this vendor's gate, or None if Redis is away."""
    try:
        return gate_of(vendor).state()
    except redis.RedisError as error:
        logger.warning("The gate of %s cannot be read: %s", vendor, error)
        return None


def figures(vendor: str) -> GateFigures | None:
    """Return what this vendor's gate has learned, its permits and its jobs, or None if Redis is away."""
    try:
        return gate_of(vendor).figures()
    except redis.RedisError as error:
        logger.warning("The figures of %s cannot be read: %s", vendor, error)
        return None


def gate_states(transcriptions: Iterable[Transcription]) -> dict[str, GateState | None]:
    """Return the gates of the live ones among these, by vendor. Each gate is read once."""
    return {vendor: gate_state(vendor) for vendor in {row.vendor for row in transcriptions if row.is_live}}


def is_delayed(transcription: Transcription, gate: GateState | None) -> bool:
    """Return whether the transcription is live and the gate is closed for what it needs next.

    False while Redis is away (`gate` is None), rather than report a throttle that may not exist.
    """
    if gate is None or not transcription.is_live:
        return False
    return gate.stops(Purpose.POLL if transcription.status == Status.PROCESSING else Purpose.SUBMIT)


def counts() -> dict[str, Counts]:
    """Return the counts of each vendor in the settings and of each other one that has live rows. Makes one query."""
    found = {vendor: Counts(waiting=0, in_flight=0) for vendor in settings.STT_VENDORS}
    rows = Transcription.objects.live().order_by().values_list("vendor", "status").annotate(n=Count("pk"))
    for vendor, status, n in rows:
        of_vendor = found.setdefault(vendor, Counts(waiting=0, in_flight=0))
        of_vendor["in_flight" if status == Status.PROCESSING else "waiting"] += n
    return found


def standings() -> list[Standing]:
    """Return the standing of each vendor, sorted by name. Does not raise while Redis is away."""
    try:
        alive = presence.alive()
    except redis.RedisError:
        alive = None
    return [
        # No presence means that Redis is away, so reading the gates would only wait again.
        {**_state(vendor, gate_state(vendor) if alive else None), **count, "presence": alive}
        for vendor, count in sorted(counts().items())
    ]


def _state(vendor: str, gate: GateState | None) -> events.SttState:
    if gate is not None:
        return events.stt_state(gate)
    return {
        "vendor": vendor,
        "state": "unknown",
        "scope": None,
        "reason": None,
        "since": None,
        "reopens_at": None,
        "note": "",
        "episode": 0,
        "version": 0,
        "now": datetime.now(UTC).isoformat(),
    }
