"""How the way to the vendors stands, for people: the gate, who waits behind it, who is alive."""

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
    """Living transcriptions of a vendor: not yet there, and being worked on there."""

    waiting: int
    in_flight: int


class Standing(events.SttState, Counts):
    """Everything about one vendor. `state` is "unknown" and `presence` None while Redis is away."""

    presence: presence.Presence | None


def gate_state(vendor: str) -> GateState | None:
    """The gate of this vendor now. None: Redis does not answer."""
    try:
        return gate_of(vendor).state()
    except redis.RedisError as error:
        logger.warning("The gate of %s cannot be read: %s", vendor, error)
        return None


def figures(vendor: str) -> GateFigures | None:
    """What this vendor's gate has learned, and what is out. None: Redis does not answer."""
    try:
        return gate_of(vendor).figures()
    except redis.RedisError as error:
        logger.warning("The figures of %s cannot be read: %s", vendor, error)
        return None


def gate_states(transcriptions: Iterable[Transcription]) -> dict[str, GateState | None]:
    """The gates that these wait for, each asked once. What is finished waits for none, and asks none."""
    return {vendor: gate_state(vendor) for vendor in {row.vendor for row in transcriptions if row.is_live}}


def is_delayed(transcription: Transcription, gate: GateState | None) -> bool:
    """Whether it is held up: still alive, and the gate is closed for what it needs next.

    Without Redis nobody knows; then it is said not to be, rather than tell of a throttle that may not exist.
    """
    if gate is None or not transcription.is_live:
        return False
    return gate.stops(Purpose.POLL if transcription.status == Status.PROCESSING else Purpose.SUBMIT)


def counts() -> dict[str, Counts]:
    """By vendor, those in the settings and those that old rows still wait for. One query over living rows."""
    found = {vendor: Counts(waiting=0, in_flight=0) for vendor in settings.STT_VENDORS}
    rows = Transcription.objects.live().order_by().values_list("vendor", "status").annotate(n=Count("pk"))
    for vendor, status, n in rows:
        of_vendor = found.setdefault(vendor, Counts(waiting=0, in_flight=0))
        of_vendor["in_flight" if status == Status.PROCESSING else "waiting"] += n
    return found


def standings() -> list[Standing]:
    """One for each vendor, by name. Does not fail while Redis is away."""
    try:
        alive = presence.alive()
    except redis.RedisError:
        alive = None
    return [
        # Without presence Redis is away: asking it for each gate would only wait again.
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
