"""The vendor's limits. Times are seconds since the scenario began.

`earliest` is what the oracle knows: the first moment at which a request would pass if no other came first. What
a request does to the limiter follows from it, so the oracle and the vendor cannot disagree.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from typing import Literal

Kind = Literal["submit", "poll"]

# A rounding error must not refuse a client that comes exactly when it may.
_ROUNDING = 1e-9


class Limiter:
    """One limit. Subclasses say when a request passes, and what accepted and refused ones change."""

    def admit(self, now: float, kind: Kind, job_s: float = 0.0) -> float:
        """Counts one request; how many seconds too early it is, 0 if it passes. `job_s`: of the job it starts."""
        at = self.earliest(now, kind)
        if at <= now + _ROUNDING:
            self.take(now, kind, job_s)
            return 0.0
        self.refuse(now, kind)
        return at - now

    def earliest(self, now: float, kind: Kind) -> float:
        """The first moment, `now` or later, at which a request would pass. Changes nothing."""
        raise NotImplementedError

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        """A request has passed."""

    def refuse(self, now: float, kind: Kind) -> None:
        """A request was refused."""


class TokenBucket(Limiter):
    """`burst` at once, and a rate that may change: [(from second, tokens a second), …], the first from 0."""

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
    """`limit` accepted requests in each window of `seconds`; the first one began `phase` seconds ago."""

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
    """`limit` requests in any `seconds`, refused ones included: whoever keeps knocking stays outside."""

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
    """At most `cap` jobs at once, each for as long as it takes. Polls always pass."""

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
    """Refuses everything in the given spans [from, to), and is `inner` outside of them."""

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


class PenaltyBox(Limiter):
    """`inner`, but a refused request starts a ban of `ban` seconds, and each one during the ban begins it anew."""

    def __init__(self, inner: Limiter, ban: float) -> None:
        self.inner, self.ban = inner, ban
        self._until = 0.0

    def earliest(self, now: float, kind: Kind) -> float:
        return self.inner.earliest(max(now, self._until), kind)

    def take(self, now: float, kind: Kind, job_s: float) -> None:
        self.inner.take(now, kind, job_s)

    def refuse(self, now: float, kind: Kind) -> None:
        self._until = now + self.ban
