"""The vendor's limits. Times are seconds since the scenario began.

`earliest` is what the oracle knows: the first moment at which a request would pass if no other request came before.
`admit`, which the vendor calls, uses `earliest` too, so the oracle and the vendor cannot disagree.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Sequence
from typing import Literal

Kind = Literal["submit", "poll"]

# Seconds. A rounding error must not refuse a request that arrives exactly when it may.
_ROUNDING = 1e-9


class Limiter:
    """One limit. Subclasses define when a request passes, and how accepted and refused requests change the state.

    `excused` counts the refusals that no pace could have avoided.
    """

    excused = 0

    def admit(self, now: float, kind: Kind, job_s: float = 0.0) -> float:
        """Count one request. Return 0 if it passes, else by how many seconds it is too early.

        `job_s`: the length of the job that the request starts.
        """
        at = self.earliest(now, kind)
        if at <= now + _ROUNDING:
            self.take(now, kind, job_s)
            return 0.0
        self.refuse(now, kind)
        return at - now

    def earliest(self, now: float, kind: Kind) -> float:
        """Return the first moment, `now` or later, at which a request would pass. Change nothing."""
        raise NotImplementedError

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        """Count an accepted request."""

    def refuse(self, now: float, kind: Kind) -> None:
        """Count a refused request."""


class TokenBucket(Limiter):
    """A token bucket whose rate may change.

    `rates`: tokens per second, or a list of (from this second on, tokens per second) that starts at 0. `burst`: the
    size of the bucket.
    """

    def __init__(self, rates: float | Sequence[tuple[float, float]], burst: float) -> None:
        self.rates = [(0.0, rates)] if isinstance(rates, int | float) else list(rates)
        self.burst = burst
        self._tokens, self._at = burst, 0.0

    def earliest(self, now: float, kind: Kind) -> float:
        missing = 1.0 - self._level(now)
        at = now
        for (_, rate), end in zip(self.rates, self._ends(), strict=True):
            if missing <= 0 or end <= at:
                continue
            if at + missing / rate <= end:
                return at + missing / rate
            missing -= (end - at) * rate
            at = end
        return at

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        self._tokens, self._at = max(0.0, self._level(now) - 1.0), now

    def _level(self, now: float) -> float:
        gained = 0.0
        for (start, rate), end in zip(self.rates, self._ends(), strict=True):
            gained += max(0.0, min(end, now) - max(start, self._at)) * rate
        return min(self.burst, self._tokens + gained)

    def _ends(self) -> list[float]:
        return [start for start, _ in self.rates[1:]] + [math.inf]


class FixedWindow(Limiter):
    """At most `limit` accepted requests in each window of `seconds`. The first window began `phase` seconds ago."""

    def __init__(self, limit: int, seconds: float, phase: float) -> None:
        self.limit, self.seconds, self.phase = limit, seconds, phase
        self._window, self._count = 0, 0

    def earliest(self, now: float, kind: Kind) -> float:
        window = self._number(now)
        if window != self._window or self._count < self.limit:
            return now
        return (window + 1) * self.seconds - self.phase

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        if (window := self._number(now)) != self._window:
            self._window, self._count = window, 0
        self._count += 1

    def _number(self, now: float) -> int:
        return math.floor((now + self.phase + _ROUNDING) / self.seconds)


class SlidingWindow(Limiter):
    """At most `limit` requests in any `seconds`. Refused requests count: a client that keeps trying stays out."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.seconds = seconds
        self._last: deque[float] = deque(maxlen=limit)

    def earliest(self, now: float, kind: Kind) -> float:
        full = len(self._last) == self._last.maxlen
        return max(now, self._last[0] + self.seconds) if full else now

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        self._last.append(now)

    def refuse(self, now: float, kind: Kind) -> None:
        self._last.append(now)


class Jobs(Limiter):
    """At most `cap` jobs at the same time. Polls always pass."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._ends: list[float] = []

    def earliest(self, now: float, kind: Kind) -> float:
        ends = sorted(end for end in self._ends if end > now + _ROUNDING)
        return now if kind == "poll" or len(ends) < self.cap else ends[len(ends) - self.cap]

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        if kind == "poll":
            return
        while self._ends and self._ends[0] <= now + _ROUNDING:
            heapq.heappop(self._ends)
        heapq.heappush(self._ends, now + job_s)


class Down(Limiter):
    """Refuses everything during the given spans [from, to), and behaves as `inner` at other times."""

    def __init__(self, inner: Limiter, spans: Sequence[tuple[float, float]]) -> None:
        self.inner, self.spans = inner, list(spans)

    def earliest(self, now: float, kind: Kind) -> float:
        at = now
        while True:
            up = self._up(self.inner.earliest(at, kind))
            if up == at or self.inner.earliest(up, kind) == up:
                return up
            at = up

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        self.inner.take(now, kind, job_s)

    def refuse(self, now: float, kind: Kind) -> None:
        if self._up(now) == now:
            self.inner.refuse(now, kind)

    def _up(self, now: float) -> float:
        return next((end for start, end in self.spans if start <= now < end - _ROUNDING), now)


class Chance(Down):
    """Refuses everything in some moments, whatever is asked and however slowly, and is `inner` at other times.

    Time is cut into moments of `seconds`; each of them refuses with probability `part`. Only by being refused can
    anybody know that such a moment has begun, so the first refusal in it is excused.
    """

    def __init__(self, inner: Limiter, seconds: float, part: float, rng: random.Random) -> None:
        super().__init__(inner, ())
        self.seconds, self.part, self._rng = seconds, part, rng
        self._refuses: list[bool] = []
        self._known_until = 0.0  # the end of the last moment in which somebody was refused

    def refuse(self, now: float, kind: Kind) -> None:
        super().refuse(now, kind)
        if (end := self._up(now)) > max(now, self._known_until):
            self.excused += 1
            self._known_until = end

    def _up(self, now: float) -> float:
        moment = math.floor(now / self.seconds + _ROUNDING)
        if not self._refusing(moment):
            return now
        while self._refusing(moment):
            moment += 1
        return moment * self.seconds

    def _refusing(self, moment: int) -> bool:
        while len(self._refuses) <= moment:
            self._refuses.append(self._rng.random() < self.part)
        return self._refuses[moment]


class PenaltyBox(Limiter):
    """`inner` with bans: a refused request starts a ban of `ban` seconds, and so does each request during a ban."""

    def __init__(self, inner: Limiter, ban: float) -> None:
        self.inner, self.ban = inner, ban
        self._until = 0.0

    def earliest(self, now: float, kind: Kind) -> float:
        return self.inner.earliest(max(now, self._until), kind)

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        self.inner.take(now, kind, job_s)

    def refuse(self, now: float, kind: Kind) -> None:
        self._until = now + self.ban
