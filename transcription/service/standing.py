"""The state of the way to each vendor, for people: the gate, the rows that wait for it, the processes alive."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypedDict

import redis
from django.conf import settings
from django.db.models import Count

from transcription import events
from transcription.gate import GateFigures, GateState, Purpose, shown
from transcription.live import presence
from transcription.models import Transcription
from transcription.service.accounts import gate_of, pool_of, pools_of

logger = logging.getLogger(__name__)

Status = Transcription.Status


# By vendor, the states of its account and its pools (Gate.states). Empty while Redis is away.
Gates = Mapping[str, Mapping[str, GateState]]


class Counts(TypedDict):
    """Live transcriptions of a vendor or a pool: not yet accepted by it, and in work there."""

    waiting: int
    in_flight: int


class PoolStanding(events.SttState, Counts):
    """One pool of a vendor: its own state, whatever the account's is.

    `cap` is how many jobs the vendor takes at once, None if unknown; `jobs` those that it has.
    """

    cap: int | None
    jobs: int | None


class Standing(events.SttState, Counts):
    """Everything about one vendor. `state` is "unknown" and `presence` None while Redis is away.

    `state` is the account's, or else that of the closed pool whose next try is the latest. `pools` has all of them.
    """

    presence: presence.Presence | None
    pools: list[PoolStanding]


def _states(vendor: str) -> dict[str, GateState]:
    """Return the present states of this vendor's gate (Gate.states). Empty if Redis is away."""
    try:
        return gate_of(vendor).states()
    except redis.RedisError as error:
        logger.warning("The gate of %s cannot be read: %s", vendor, error)
        return {}


def gate_state(vendor: str) -> GateState | None:
    """Return the state of this vendor's account, or else of its worst pool (Gate.state). None if Redis is away."""
    states = _states(vendor)
    return shown(states, states) if states else None


def figures(vendor: str, pool: str = "") -> GateFigures | None:
    """Return what this vendor's gate has learned, its permits and the pool's jobs, or None if Redis is away."""
    try:
        return gate_of(vendor).figures(pool=pool)
    except redis.RedisError as error:
        logger.warning("The figures of %s cannot be read: %s", vendor, error)
        return None


def gate_states(transcriptions: Iterable[Transcription]) -> Gates:
    """Return the gates of the live ones among these. Each gate is read once."""
    return {vendor: _states(vendor) for vendor in {row.vendor for row in transcriptions if row.is_live}}


def is_delayed(transcription: Transcription, gates: Gates) -> bool:
    """Return whether the transcription is live and the gate is closed for what it needs next, in its pool.

    `gates` are those of `gate_states`. False while Redis is away, rather than report a throttle that may not exist.
    """
    states = gates.get(transcription.vendor)
    if not states or not transcription.is_live:
        return False
    pool = transcription.pool or pool_of(transcription.vendor, transcription.language)
    gate = shown(states, [pool])
    return gate.stops(Purpose.POLL if transcription.status == Status.PROCESSING else Purpose.SUBMIT)


def counts() -> dict[str, dict[str, Counts]]:
    """Return the counts of each vendor by pool; with "" those of all its pools. Makes one query.

    The vendors are those in the settings and each other one that has live rows, and the pools are the vendor's.
    """
    found = {
        vendor: {pool: Counts(waiting=0, in_flight=0) for pool in ("", *pools_of(vendor))}
        for vendor in settings.STT_VENDORS
    }
    rows = Transcription.objects.live().order_by().values_list("vendor", "pool", "language", "status")
    for vendor, pool, language, status, n in rows.annotate(n=Count("pk")):
        of_vendor = found.setdefault(vendor, {"": Counts(waiting=0, in_flight=0)})
        for name in {"", pool or pool_of(vendor, language)} & set(of_vendor):
            of_vendor[name]["in_flight" if status == Status.PROCESSING else "waiting"] += n
    return found


def standings() -> list[Standing]:
    """Return the standing of each vendor, sorted by name. Does not raise while Redis is away."""
    try:
        alive = presence.alive()
    except redis.RedisError:
        alive = None
    found: list[Standing] = []
    for vendor, count in sorted(counts().items()):
        # No presence means that Redis is away, so reading the gates would only wait again.
        states = _states(vendor) if alive else {}
        pools = [_pool(vendor, pool, states, count[pool]) for pool in count if pool]
        found.append(
            {
                **_state(vendor, shown(states, states) if states else None),
                **count[""],
                "presence": alive,
                "pools": pools,
            }
        )
    return found


def _pool(vendor: str, pool: str, states: Mapping[str, GateState], count: Counts) -> PoolStanding:
    known = figures(vendor, pool) if states else None
    state = _state(vendor, states.get(pool), pool)
    if states and pool not in states:
        state["state"] = "open"  # nobody has asked for it yet
    return {**state, **count, "cap": known.cap if known else None, "jobs": known.jobs if known else None}


def _state(vendor: str, gate: GateState | None, pool: str = "") -> events.SttState:
    if gate is not None:
        return events.stt_state(gate)
    return {
        "vendor": vendor,
        "pool": pool,
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
