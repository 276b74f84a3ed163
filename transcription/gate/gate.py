"""The gate's Python face: typed calls around one Lua script, which holds all the rules.

Every request to the vendor first asks ``acquire`` and afterwards calls ``report`` once. All times are unix
seconds on the Redis server's clock and durations are seconds; the clock of the calling machine is never read.
"""

import math
import secrets
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, cast

from redis import Redis

Lane = Literal["all", "submit"]
Mode = Literal["open", "blocked", "probing", "held"]
Reason = Literal["rate", "concurrency", "quota", "unavailable", "hold"]

_SCRIPT = Path(__file__).with_name("gate.lua").read_text(encoding="utf-8")


class Purpose(StrEnum):
    """What a request does: a submit starts a job and must pass both lanes, a poll only the lane ``all``."""

    SUBMIT = "submit"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class GateParams:
    """The gate's constants; durations in seconds. Every process of one account must use the same values."""

    # Added to a Retry-After: whole seconds are rounded, and the answer took time to reach us.
    margin: float = 0.25
    # A header of hours is a quota or a mistake: we ask again after this long, and the state's note says so.
    retry_after_cap: float = 3600.0
    # Without a header: the first pause, then times fast below the knee and times slow above it, up to the
    # cap. A growth of f makes the comeback late by at most (f - 1) of the outage.
    first_pause: float = 5.0
    growth_fast: float = 1.6
    growth_knee: float = 15.0
    growth_slow: float = 1.25
    pause_cap: float = 300.0
    # Waiting does not help against a used-up quota; a rare probe finds out that somebody paid.
    quota_pause: float = 900.0
    # So many requests without an answer, one after the other, close the gate. One alone says nothing.
    unavailable_threshold: int = 3
    # How long one probe keeps the others waiting. After that it is taken for dead and the next one goes out.
    probe_lease: float = 15.0
    # The shortest wait while a probe is out; it grows with the time that the probe has been out.
    probe_recheck: float = 1.0
    # How long a permit counts as a request under way. Longer than the request's own time limit.
    permit_lease: float = 120.0
    # How long an expired permit is remembered, so that its late Retry-After still counts, and counts once.
    forget: float = 600.0
    # After reopening: permits double every so often, from one, for so long. 0.5 and 5 give about a thousand.
    ramp_double: float = 0.5
    ramp: float = 5.0
    # What a caller is told while an admin holds the gate. The event of the resume wakes it earlier.
    hold_wait: float = 60.0
    # No wait is shorter, so that nobody spins.
    min_wait: float = 0.05
    # A next try that moved by less than this is not worth telling people.
    moved_step: float = 1.0

    @property
    def longest_wait(self) -> float:
        """The bound of ``Wait.seconds``."""
        pauses = (self.retry_after_cap + self.margin, self.pause_cap, self.quota_pause)
        return max(*pauses, self.probe_lease, self.hold_wait, self.ramp, self.min_wait)


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to send one request now. ``epoch`` grows with every reaction of the gate to a refusal."""

    id: str
    purpose: Purpose
    epoch: int
    probe: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now. ``until`` is on the server's clock; ``seconds`` is relative (> 0), so safe on any clock.

    ``reason`` is a ``Reason``, or "pace" for the ramp after reopening.
    """

    until: float
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ok:
    """The vendor answered: a success, or a refusal of this one request (400, 404, 413 ...)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A 429. ``scope``: "all" (rate, or unknown), "submit" (too many jobs) or "quota" (usage exhausted)."""

    scope: Literal["all", "submit", "quota"] = "all"
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No usable answer: 5xx, a timeout, no connection."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unused:
    """The request was not sent after all."""


Outcome = Ok | Refused | Unavailable | Unused


@dataclass(frozen=True, slots=True)
class GateState:
    """Both lanes in one view, for people: an admin's hold, else the lane ``all``, else ``submit``, else open.

    ``since`` is when this episode began; ``reopens_at`` is the time of the next try, in the past while a
    probe is out or nobody has asked since, None if open or held. ``episode`` counts closings. ``version``
    grows by one with each ``GateChange``, and still grows if Redis lost its state (``episode`` starts again).
    """

    name: str
    mode: Mode
    scope: Lane | None
    reason: Reason | None
    since: float | None
    reopens_at: float | None
    episode: int
    version: int
    note: str

    def stops(self, purpose: Purpose) -> bool:
        """Whether requests of this purpose wait for the gate (a closed lane ``submit`` lets polls pass)."""
        return self.scope == "all" or (self.scope == "submit" and purpose is Purpose.SUBMIT)


@dataclass(frozen=True, slots=True)
class GateChange:
    """A change that people should see, returned to exactly one caller: publish it and wake the waiting rows.

    "closed" and "opened" alternate; "moved" comes between them: another reason, lane or time of the next try.
    ``lane`` is the one shown now, for "opened" the one shown before.
    """

    kind: Literal["closed", "opened", "moved"]
    lane: Lane
    state: GateState


class Gate:
    """The gate of one vendor account. Cheap to build; any number of processes may use the same name.

    Every method is one atomic call to Redis and raises ``redis.RedisError`` if Redis does not answer.
    ``now`` (unix seconds) replaces the server's clock, for virtual time: tests and benchmarks only.
    """

    def __init__(self, redis: "Redis", name: str, params: GateParams = GateParams()) -> None:
        self.name = name
        self.params = params
        self._keys = (f"mico:gate:{name}", f"mico:gate:{name}:permits")
        self._script = redis.register_script(_SCRIPT)
        self._params = [str(x) for f in fields(params) for x in (f.name, getattr(params, f.name))]

    def acquire(
        self, purpose: Purpose, *, now: float | None = None, lease: float | None = None
    ) -> Permit | Wait:
        """Ask for one request. ``lease``: seconds, if this one may take longer than ``permit_lease``."""
        reply = self._call("acquire", now, purpose.value, secrets.token_hex(8), _number(lease))
        if reply[0] == "wait":
            return Wait(float(reply[1]), float(reply[2]), reply[3])
        return Permit(reply[1], purpose, int(reply[2]), reply[3] == "1")

    def report(self, permit: Permit, outcome: Outcome, *, now: float | None = None) -> GateChange | None:
        """Say what became of the request. A second report of the same permit does nothing."""
        kind, scope, header = type(outcome).__name__.lower(), "", None
        if isinstance(outcome, Refused):
            scope = outcome.scope
        if isinstance(outcome, Refused | Unavailable):
            header = outcome.retry_after_s
        if header is not None and not 0 <= header < math.inf:
            header = None  # malformed: as if it were not there, never a zero wait
        return self._change(self._call("report", now, permit.id, kind, scope, _number(header)))

    def state(self, *, now: float | None = None) -> GateState:
        """What people are shown. Reads only."""
        return self._state(self._call("state", now))

    def hold(self, note: str, *, now: float | None = None) -> GateChange | None:
        """Stop everything until ``resume``. ``note`` says why and by whom."""
        return self._change(self._call("hold", now, note))

    def resume(self, *, now: float | None = None) -> GateChange | None:
        """End a hold and every pause at once, a quota's too."""
        return self._change(self._call("resume", now))

    def in_flight(self, *, now: float | None = None) -> int:
        """Permits that are out: requests under way, and for a lease's length those of dead workers."""
        return int(self._call("in_flight", now)[0])

    def _call(self, op: str, now: float | None, *args: str) -> list[str]:
        own = [*args, "", "", "", ""][:4]
        reply = cast(Any, self._script(keys=self._keys, args=[op, _number(now), *own, *self._params]))
        items = reply if isinstance(reply, list) else [reply]
        return [x.decode() if isinstance(x, bytes) else str(x) for x in items]

    def _state(self, reply: list[str]) -> GateState:
        mode, scope, reason, since, till, episode, version, note = reply
        return GateState(
            name=self.name,
            mode=cast(Mode, mode),
            scope=cast(Lane, scope) if scope else None,
            reason=cast(Reason, reason) if reason else None,
            since=float(since) or None,
            reopens_at=float(till) or None,
            episode=int(episode),
            version=int(version),
            note=note,
        )

    def _change(self, reply: list[str]) -> GateChange | None:
        if not reply:
            return None
        kind, lane, *state = reply
        return GateChange(cast(Any, kind), cast(Lane, lane), self._state(state))


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))
