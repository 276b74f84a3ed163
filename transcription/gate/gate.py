"""The gate's Python face: typed calls around one Lua script, which holds all the rules.

Every request to the vendor first asks ``acquire`` and afterwards calls ``report`` once. All times are unix
seconds on the Redis server's clock and durations are seconds; the clock of the calling machine is never read.
"""

import math
import secrets
from collections.abc import Iterable
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
    # Without a header: a short first pause (at least the time of one request at the learned rate, at most
    # `rest_cap`), then times `growth` up to the cap. The comeback is late by at most (growth - 1) of the outage.
    first_pause: float = 0.5
    rest_min: float = 0.2
    rest_cap: float = 10.0
    growth: float = 1.15
    pause_cap: float = 300.0
    # Waiting does not help against a used-up quota; a rare probe finds out that somebody paid.
    quota_pause: float = 900.0
    # So many requests without an answer, one after the other, close the gate. One alone says nothing.
    unavailable_threshold: int = 3
    # How long one probe keeps the others waiting. After that it is taken for dead and the next one goes out.
    probe_lease: float = 10.0
    # The shortest wait while a probe is out; it grows with the time that the probe has been out.
    probe_recheck: float = 1.0
    # How long a permit counts as a request under way. Longer than the request's own time limit.
    permit_lease: float = 120.0
    # How long an expired permit is remembered, so that its late Retry-After still counts, and counts once.
    forget: float = 600.0
    # A probe without an answer: so long until the next one.
    lost_pause: float = 5.0
    # The pace, in requests/s. Until a limit is felt: from `pace_start`, doubling every `pace_double` busy seconds,
    # with bursts of `pace_burst` seconds. Never outside pace_min ... pace_max.
    pace_start: float = 10.0
    pace_double: float = 3.0
    pace_burst: float = 0.3
    pace_min: float = 0.01
    pace_max: float = 1000.0
    # With a learned rate: this part of it, until the vendor was spared for `settle` busy seconds, the time of
    # `settle_requests`, and `settle_pauses` times the last pause (at most settle_cap). Then it is tried
    # higher, doubling every `push_double` seconds or `push_requests` requests, whichever is longer.
    pace_below: float = 0.97
    pace_more: float = 1.07
    # After a window, or a ban: times this.
    pace_less: float = 0.9
    settle: float = 10.0
    settle_requests: float = 20.0
    settle_pauses: float = 8.0
    settle_cap: float = 200.0
    push_double: float = 2.0
    push_requests: float = 4.0
    # A pause in which the vendor would have taken no more than so many requests was a short one.
    short_requests: float = 3.0
    # Callers may be so late (s) without a loss; nobody is told to wait longer than `pace_wait` for the pace;
    # and after `pace_idle` without a request nothing is measured across the gap.
    pace_late: float = 0.03
    pace_wait: float = 2.0
    pace_idle: float = 1.0
    # Jobs at once that the vendor is known to take, until something else is learned. 0: not known.
    first_cap: int = 0
    # Jobs at the vendor: how long one counts without news of it; when to ask again while there is no room.
    job_lease: float = 900.0
    full_wait: float = 1.0
    # So long at the learned cap before one more is tried; twice as long each time that fails.
    raise_first: float = 60.0
    raise_min: float = 1.0
    raise_cap: float = 3600.0
    # A 429 that says nothing, so many times again with just as many jobs at the vendor, is about jobs. 0: the
    # vendor says so itself when it is.
    unnamed_cap: int = 2
    # ... where just as many means within one, or this part.
    same_jobs: float = 0.1
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
        return max(*pauses, self.probe_lease, self.hold_wait, self.min_wait, 1 / self.pace_min)


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
    """The vendor answered: a success, or a refusal of this one request (400, 404, 413 ...).

    `job`: the job at the vendor that the answer is about, by a name of ours, and whether it is running now.
    """

    job: str = ""
    running: bool = False


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
class GateFigures:
    """What the gate has learned. `pace` (now) and `rate` (measured): requests/s, None while no limit was ever felt.

    `cap`: jobs at once that the vendor takes, None if unknown. `jobs`: those that are there. `requests`: under way.
    """

    pace: float | None
    rate: float | None
    cap: int | None
    jobs: int
    requests: int


@dataclass(frozen=True, slots=True)
class Room:
    """`now`: how many requests make sense at this moment. `next_in`: seconds until one more may."""

    now: int
    next_in: float


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
        # One hash tag, so that a Redis Cluster keeps them together.
        key = f"mico:gate:{{{name}}}"
        self._keys = (key, f"{key}:submits", f"{key}:polls", f"{key}:jobs")
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
        kind, scope, header, job = type(outcome).__name__.lower(), "", None, ""
        if isinstance(outcome, Ok):
            scope, job = "running" if outcome.running else "", outcome.job
        if isinstance(outcome, Refused):
            scope = outcome.scope
        if isinstance(outcome, Refused | Unavailable):
            header = outcome.retry_after_s
        if header is not None and not 0 <= header < math.inf:
            header = None  # malformed: as if it were not there, never a zero wait
        return self._change(self._call("report", now, permit.id, kind, scope, _number(header), job))

    def state(self, *, now: float | None = None) -> GateState:
        """What people are shown. Reads only."""
        return self._state(self._call("state", now))

    def hold(self, note: str, *, now: float | None = None) -> GateChange | None:
        """Stop everything until ``resume``. ``note`` says why and by whom."""
        return self._change(self._call("hold", now, note))

    def resume(self, *, now: float | None = None) -> GateChange | None:
        """End a hold and every pause at once, a quota's too."""
        return self._change(self._call("resume", now))

    def room(self, purpose: Purpose, *, now: float | None = None) -> Room:
        """For the dispatcher: how many requests to deal out now, and when to look again. Reads only."""
        number, later = self._call("room", now, purpose.value)
        return Room(int(number), float(later))

    def figures(self, *, now: float | None = None) -> GateFigures:
        """What was learned, and what is out. Reads only."""
        pace, rate, cap, jobs, requests = self._call("figures", now)
        return GateFigures(
            pace=float(pace) if pace else None,
            rate=float(rate) if rate else None,
            cap=int(cap) or None,
            jobs=int(jobs),
            requests=int(requests),
        )

    def adopt(self, jobs: Iterable[str], *, now: float | None = None) -> None:
        """Count these jobs at the vendor, if they are not counted: after a restart of Redis, from the database."""
        if names := "\n".join(jobs):
            self._call("adopt", now, names)

    def moves(self) -> list[tuple[str, str, str]]:
        """The table of a lane's life: what it is, what happens, what it becomes."""
        return [cast(Any, tuple(row.split())) for row in self._call("moves", None)]

    def _call(self, op: str, now: float | None, *args: str) -> list[str]:
        own = [*args, "", "", "", "", ""][:5]
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
