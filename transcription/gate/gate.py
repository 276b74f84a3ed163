"""Typed calls around `gate.lua`, which holds all the rules (docs/gate.md).

A caller asks `acquire` before each request to the vendor and calls `report` once after it. Times are unix seconds on
the clock of the Redis server, and durations are seconds. The clock of the calling machine is never read.
"""

import math
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, cast

from redis import Redis

Lane = Literal["all", "submit"]
Mode = Literal["open", "blocked", "probing", "held"]
Reason = Literal["rate", "concurrency", "quota", "credentials", "unavailable", "hold"]

_SCRIPT = Path(__file__).with_name("gate.lua").read_text(encoding="utf-8")
_POOL = re.compile(r"[A-Za-z0-9._-]{0,60}")  # becomes part of the names of keys, and of permits
_STATE = 9  # values of a state in a reply


class Purpose(StrEnum):
    """What a request is for. A submit starts a job and has to pass both lanes; a poll passes only `all`."""

    SUBMIT = "submit"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class GateParams:
    """The gate's constants. Every process that uses one account's gate must use the same values.

    docs/gate.md explains each of them: what it follows from, and what goes wrong when it is larger or smaller.
    """

    # --- Closed ---
    # Seconds added to a Retry-After, which is rounded to whole seconds.
    margin: float = 0.25
    # Longest Retry-After that is obeyed, in seconds. The state's note says when one was cut.
    retry_after_cap: float = 3600.0
    # First pause in seconds while no rate is known. Every later pause of a closing is at least this times `growth`.
    first_pause: float = 0.5
    # Bounds in seconds of the first pause once a rate is known, which is the time of one request at that rate.
    rest_min: float = 0.2
    rest_cap: float = 10.0
    # Factor from one pause of a closing to the next.
    growth: float = 1.15
    # Longest pause, in seconds.
    pause_cap: float = 300.0
    # Seconds between probes while the vendor's quota is used up.
    quota_pause: float = 900.0
    # Seconds to the first probe after the vendor refused the credentials. Each further refusal doubles the pause, up
    # to the second number.
    credentials_pause: float = 5.0
    credentials_cap: float = 600.0
    # Requests in a row without a usable answer that close the gate.
    unavailable_threshold: int = 3
    # Seconds after which a probe without a report counts as lost, and the next one may go.
    probe_lease: float = 10.0
    # Shortest wait in seconds for a caller that comes while a probe is out. The wait grows while the probe is out.
    probe_recheck: float = 1.0
    # Seconds to the next probe after one was reported without a usable answer.
    lost_pause: float = 5.0
    # Seconds to the first probe with somebody's audio, after submits whose outcome is unknown have closed the lane
    # `submit`. The pause doubles with each further one, up to `pause_cap`.
    unknown_pause: float = 10.0
    # Seconds for which a permit counts as a request under way. Longer than the time limit of the request itself.
    permit_lease: float = 120.0
    # Seconds for which an expired permit is remembered. Until then a report still counts for its Retry-After and its
    # job, and for nothing else.
    forget: float = 600.0

    # --- Open ---
    # The rate is what the vendor was measured to take, the pace what the gate allows now. Seconds are busy while the
    # pace, and not a lack of work, limits the requests.
    #
    # Until a rate is measured: requests/s at the start, and busy seconds in which they double.
    pace_start: float = 10.0
    pace_double: float = 3.0
    # In that time, seconds by which a permit may be early. Times the pace, this is the size of a burst in requests.
    pace_burst: float = 0.3
    # Bounds of the pace, in requests/s.
    pace_min: float = 0.01
    pace_max: float = 1000.0
    # Fraction of the rate to use after the gate opens, for the time that `settle` and the next three determine.
    pace_below: float = 0.97
    # Least growth of the rate, as a factor, after a refusal at a pace of more than 1.5 times the rate.
    pace_more: float = 1.07
    # Factor on the rate after a closing that looks like a fixed window's or a ban's.
    pace_less: float = 0.9
    # How long the pace stays below the rate after the gate opens, in busy seconds: the longest of `settle`, the time
    # of `settle_requests` requests, and `settle_pauses` times the length of the closing; at most `settle_cap`.
    settle: float = 10.0
    settle_requests: float = 20.0
    settle_pauses: float = 8.0
    settle_cap: float = 200.0
    # Afterwards the pace doubles in this many busy seconds, or in the time of this many requests if that is longer.
    push_double: float = 2.0
    push_requests: float = 4.0
    # A closing is short if the vendor would have taken at most this many requests in it.
    short_requests: float = 3.0
    # A refusal that the pace does not explain (a lack of work set the speed, or the pace was below the rate) teaches
    # nothing if the first try succeeded (at ease also if the gate was closed for at most `doubt_pause` seconds). It
    # does once `doubt_soon` such came in a row, each soon: below the rate, within `doubt_requests` requests.
    doubt_pause: float = 10.0
    doubt_soon: int = 3
    doubt_requests: int = 10
    # After a closing in which the vendor would have taken at most this many requests, the probe has used what its
    # limiter had, and the next request waits for as long as one request takes.
    empty_requests: float = 1.5
    # Seconds by which a caller may come late without a loss of pace: half the time of one request, and at least this.
    pace_late: float = 0.03
    # Longest wait for the pace, in seconds, unless the time of one request is longer.
    pace_wait: float = 2.0
    # Seconds without a request after which the time up to the next refusal gives no measure of the rate.
    pace_idle: float = 1.0

    # --- Jobs at the vendor ---
    # Jobs at once that the vendor is known to take, until another number is learned. 0: unknown. `first_caps`: of a
    # pool, by its name, if it is not the same for all.
    first_cap: int = 0
    first_caps: Mapping[str, int] = field(default_factory=dict)
    # Seconds for which a job counts without news of it.
    job_lease: float = 900.0
    # Seconds until a submit asks again while the vendor has as many jobs as it takes.
    full_wait: float = 1.0
    # Seconds after a cap was learned until one more job is tried, and the bounds of that time, which doubles with
    # each failure.
    raise_first: float = 60.0
    raise_min: float = 1.0
    raise_cap: float = 3600.0
    # Number of refusals without a reason, each at as many jobs as the one before, after which that many jobs are
    # taken for the cap. 0: never, because this vendor says so when a refusal is about the number of jobs.
    unnamed_cap: int = 2
    # Two numbers of jobs count as equal if they differ by at most one, or by at most this fraction.
    same_jobs: float = 0.1

    # --- What callers and people are told ---
    # Seconds until a caller asks again while an administrator holds the gate. Resuming wakes the callers earlier.
    hold_wait: float = 60.0
    # Shortest wait that a caller is told, in seconds, so that none asks in a tight loop.
    min_wait: float = 0.05
    # Least number of seconds by which the time of the next try has to move for a change to be published.
    moved_step: float = 1.0

    @property
    def longest_wait(self) -> float:
        """The upper bound of `Wait.seconds`."""
        pauses = (self.retry_after_cap + self.margin, self.pause_cap, self.quota_pause, self.credentials_cap)
        return max(*pauses, self.probe_lease, self.hold_wait, self.min_wait, 1 / self.pace_min)


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to send one request now. `epoch` tells which refusals the gate had reacted to when it gave this.

    `away` names the lane of which this is the probe, if that closed because the vendor gave no usable answers. A
    caller that would send somebody's audio asks something harmless first. For the lane `all` it sends nothing else
    with this permit, and reports `Answered`.
    """

    id: str
    purpose: Purpose
    epoch: int
    probe: bool
    pool: str = ""
    away: Lane | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again later. `until` is on the server's clock; `seconds` (> 0) is relative, so it is right on any clock.

    `reason` is a `Reason`, "jobs" while the vendor has as many jobs as it takes, or "pace".
    """

    until: float
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ok:
    """The vendor answered: a success, or an error that is about this request only (400, 404, 413 …).

    `job` names the vendor's job that the answer is about, and `running` says whether it is running now. A job that is
    not running any more frees its place.
    """

    job: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A 429, or the account is refused altogether.

    `scope`: "all" (rate, or unknown), "submit" (too many jobs), "quota" (usage exhausted) or "credentials" (the
    vendor does not let this account in: a refused sign-in, a 403).
    """

    scope: Literal["all", "submit", "quota", "credentials"] = "all"
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No usable answer: 5xx, a timeout, no connection.

    `unknown`: if this was a submit, the vendor may have taken the job all the same.
    """

    retry_after_s: float | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The vendor answered a harmless question that was sent in place of the request: nothing was submitted."""


@dataclass(frozen=True, slots=True)
class Unused:
    """The request was not sent."""


Outcome = Ok | Refused | Unavailable | Answered | Unused


@dataclass(frozen=True, slots=True)
class GateState:
    """Both lanes in one view, for people: an administrator's hold, else the lane `all`, else `submit`, else open.

    `since` is when the episode began. `reopens_at` is the time of the next try: in the past while a probe is out or
    until the next caller asks, None if open or held. `episode` counts episodes. `version` grows by one with each
    `GateChange`; it keeps growing after Redis lost its state, while `episode` starts again at 1. `pool` is the pool
    whose lane is meant, "" if it is the account, which concerns everybody.
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
    pool: str = ""

    def stops(self, purpose: Purpose) -> bool:
        """Whether requests of this purpose wait for the gate. A closed lane `submit` lets polls pass."""
        return self.scope == "all" or (self.scope == "submit" and purpose is Purpose.SUBMIT)


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What the gate has learned, and what is under way.

    `pace` (allowed now) and `rate` (measured) are requests/s, None until a rate was measured. `cap` is how many
    jobs the vendor takes at once, None if unknown. `jobs` counts the jobs at the vendor, `requests` the permits out.
    `cap` and `jobs` are those of one pool.
    """

    pace: float | None
    rate: float | None
    cap: int | None
    jobs: int
    requests: int


@dataclass(frozen=True, slots=True)
class Room:
    """`now` is how many requests can go at this moment, `next_in` in how many seconds to look again."""

    now: int
    next_in: float


@dataclass(frozen=True, slots=True)
class GateChange:
    """A change that people should see. Exactly one caller gets it, and has to publish it and wake the waiting rows.

    "closed" and "opened" alternate, for the account and for each pool on its own. "moved" comes between them, when
    the reason, the lane or the time of the next try changed. `lane` is the lane that is shown now; for "opened", the
    lane that was shown before. `state` is that of the account (its `pool` is "") or of one pool, whatever the
    account's is. `also`: what else changed at the same moment, for the same caller to publish.
    """

    kind: Literal["closed", "opened", "moved"]
    lane: Lane
    state: GateState
    also: "tuple[GateChange, ...]" = ()


class Gate:
    """The gate of one vendor account. It is cheap to build, and any number of processes may use the same name.

    Every method is one atomic call to Redis and raises `redis.RedisError` if Redis does not answer. `now` (unix
    seconds) replaces the server's clock; tests and benchmarks use it to run in virtual time.

    A vendor that counts the jobs of each model apart has a pool for each. `pool` names the one that a request, a job
    or a question is about; for a vendor without pools it is "". A name has up to 60 of [A-Za-z0-9._-], else
    ValueError.
    """

    def __init__(self, redis: "Redis", name: str, params: GateParams = GateParams()) -> None:
        self.name = name
        self.params = params
        # The hash tag {name} keeps the keys on one node of a Redis Cluster.
        key = f"mico:gate:{{{name}}}"
        self._keys = (key, f"{key}:submits", f"{key}:polls", f"{key}:jobs")
        self._script = redis.register_script(_SCRIPT)
        values = {f.name: getattr(params, f.name) for f in fields(params) if f.name != "first_caps"}
        values |= {f"first_cap:{pool}": cap for pool, cap in params.first_caps.items()}
        self._params = [str(x) for item in values.items() for x in item]

    def acquire(
        self, purpose: Purpose, *, pool: str = "", now: float | None = None, lease: float | None = None
    ) -> Permit | Wait:
        """Ask to send one request. `lease`: seconds, if it may take longer than `permit_lease`."""
        reply = self._call("acquire", now, purpose.value, secrets.token_hex(8), _number(lease), pool=pool)
        if reply[0] == "wait":
            return Wait(float(reply[1]), float(reply[2]), reply[3])
        away = cast(Lane, reply[4]) if reply[4] else None
        return Permit(reply[1], purpose, int(reply[2]), reply[3] == "1", pool, away)

    def report(self, permit: Permit, outcome: Outcome, *, now: float | None = None) -> GateChange | None:
        """Report the outcome of the request. A second report of the same permit does nothing."""
        kind, scope, header, job = type(outcome).__name__.lower(), "", None, ""
        if isinstance(outcome, Ok):
            scope, job = "running" if outcome.running else "", outcome.job
        if isinstance(outcome, Refused):
            scope = outcome.scope
        if isinstance(outcome, Unavailable):
            scope = "unknown" if outcome.unknown else ""
        if isinstance(outcome, Refused | Unavailable):
            header = outcome.retry_after_s
        if header is not None and not 0 <= header < math.inf:
            header = None  # malformed: as if there were none
        return self._change(self._call("report", now, permit.id, kind, scope, _number(header), job))

    def state(self, pool: str | None = None, *, now: float | None = None) -> GateState:
        """Return what people are shown who wait for this pool: the account if it is closed, else the pool. Read-only.

        Without a pool: the account if it is closed, else the closed pool whose next try is the latest.
        """
        states = self.states(now=now)
        return shown(states, states if pool is None else (pool,))

    def states(self, *, now: float | None = None) -> dict[str, GateState]:
        """Return the state of the account, as "", and of each pool on its own that was asked for yet. Read-only."""
        reply = self._call("state", now)
        rows = [self._state(reply[i : i + _STATE]) for i in range(0, len(reply), _STATE)]
        return {state.pool: state for state in rows}

    def hold(self, note: str, *, now: float | None = None) -> GateChange | None:
        """Stop all lanes until `resume`. `note` says why and by whom."""
        return self._change(self._call("hold", now, note))

    def resume(self, *, now: float | None = None) -> GateChange | None:
        """End a hold and the pauses of all lanes, also one for a used-up quota or for refused credentials."""
        return self._change(self._call("resume", now))

    def room(self, purpose: Purpose, *, pool: str = "", now: float | None = None) -> Room:
        """Return how many requests the dispatcher can hand out now, and when to look again. Read-only."""
        number, later = self._call("room", now, purpose.value, pool=pool)
        return Room(int(number), float(later))

    def figures(self, *, pool: str = "", now: float | None = None) -> GateFigures:
        """Return what was learned, and what is under way. Read-only."""
        pace, rate, cap, jobs, requests = self._call("figures", now, pool=pool)
        return GateFigures(
            pace=float(pace) if pace else None,
            rate=float(rate) if rate else None,
            cap=int(cap) or None,
            jobs=int(jobs),
            requests=int(requests),
        )

    def adopt(self, jobs: Iterable[str], *, pool: str = "", now: float | None = None) -> None:
        """Count these jobs of one pool, unless they are counted already, and leave all others as they are."""
        self.reconcile({pool: jobs}, -math.inf, now=now)

    def clock(self, *, now: float | None = None) -> float:
        """Return the present time of the server, in unix seconds, for `reconcile`."""
        return float(self._call("clock", now)[0])

    def reconcile(
        self, jobs: Mapping[str, Iterable[str]], known_at: float, *, now: float | None = None
    ) -> None:
        """Count the jobs that the database knows to be at the vendor, by pool, and no others.

        This makes up for a Redis that lost its state, and for reports that were lost. A job that was counted in
        another pool is moved.

        `known_at`: the server's time (`clock`) from before the database was read. Jobs with later news stay, because
        the database may know them by now, and so do those of `leave`.
        """
        names = "\n".join(f"{pool} {job}" for pool, of_pool in jobs.items() for job in of_pool)
        self._call("reconcile", now, names, _number(max(0.0, known_at)))

    def leave(self, job: str, seconds: float, *, pool: str = "", now: float | None = None) -> None:
        """Say that nobody asks for this job any more, and that it runs for about `seconds` more (at least 0).

        It keeps its place for that time, at most for `job_lease`. `pool`: the job's, if the gate does not know it.
        """
        self._call("leave", now, job, _number(max(0.0, seconds)), pool=pool)

    def moves(self) -> list[tuple[str, str, str]]:
        """Return the transitions of a lane as (state, event, next state)."""
        return [cast(Any, tuple(row.split())) for row in self._call("moves", None)]

    def _call(self, op: str, now: float | None, *args: str, pool: str = "") -> list[str]:
        if not _POOL.fullmatch(pool):
            raise ValueError(f"No name of a pool: {pool!r}")
        own = [*args, "", "", "", "", ""][:5]
        reply = cast(Any, self._script(keys=self._keys, args=[op, _number(now), pool, *own, *self._params]))
        items = reply if isinstance(reply, list) else [reply]
        return [x.decode() if isinstance(x, bytes) else str(x) for x in items]

    def _state(self, reply: list[str]) -> GateState:
        pool, mode, scope, reason, since, till, episode, version, note = reply
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
            pool=pool,
        )

    def _change(self, reply: list[str]) -> GateChange | None:
        rows = [reply[i : i + 2 + _STATE] for i in range(0, len(reply), 2 + _STATE)]
        changes = [GateChange(cast(Any, k), cast(Lane, lane), self._state(state)) for k, lane, *state in rows]
        return replace(changes[0], also=tuple(changes[1:])) if changes else None


def shown(states: Mapping[str, GateState], pools: Iterable[str]) -> GateState:
    """Return what people are shown who wait for any of these pools, out of `Gate.states`.

    It is the account if that is closed, else the closed pool whose next try is the latest, else the account.
    """
    account = states[""]
    closed = [states[pool] for pool in pools if pool in states and states[pool].mode != "open"]
    if account.mode != "open" or not closed:
        return account
    return max(closed, key=lambda state: state.reopens_at or 0.0)


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))
