"""The vendor's limits: concurrent jobs, request rates, and a throttle that is simply switched on.

RTZR limits the concurrency of each organisation and model (https://developers.rtzr.ai/docs/rate_limit/). The rates
and windows exist because other vendors have them, and a client must cope with each kind. Each account (`client_id`)
has its own counts. RTZR documents no `Retry-After`, so none is sent unless a control asks for it. Limiters take the
time as an argument, so that tests need not wait.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from ..service.protocol import TOO_MANY_JOBS, VendorError

Limited = Literal["submit", "poll"]
On = Literal["submit", "poll", "all"]
# None: no header. True: the correct seconds, rounded up. Anything else is sent unchanged, even if it is false.
RetryAfter = str | float | Literal[True] | None

TOO_MANY_POLLS: Final = "A0003"


def routes(on: On) -> tuple[Limited, ...]:
    """Return the routes that a limit's `on` names."""
    return ("submit", "poll") if on == "all" else (on,)


def header(retry_after: RetryAfter, wait: float) -> str | None:
    """Return the value of Retry-After for a request that could pass in `wait` seconds, or None for no header."""
    if retry_after is True:
        return str(math.ceil(wait))
    return None if retry_after is None else str(retry_after)


class Limiter(Protocol):
    """Counts requests. `admit` returns 0 if the request may pass, else by how many seconds it is too early."""

    def admit(self, now: float) -> float: ...


class TokenBucket:
    """Allows `rate` requests a second on average, and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = burst, -math.inf

    def admit(self, now: float) -> float:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        # A rounding error must not refuse a client that waited exactly as long as it was told to.
        if self._tokens < 1 - 1e-9:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0


class FixedWindow:
    """Allows `limit` requests in each window of `seconds`, counted from `start`. Refused requests do not count."""

    def __init__(self, limit: int, seconds: float, start: float) -> None:
        self.limit, self.seconds, self.start = limit, seconds, start
        self._window, self._count = 0, 0

    def admit(self, now: float) -> float:
        window = math.floor((now - self.start) / self.seconds)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self.limit:
            return self.start + (window + 1) * self.seconds - now
        self._count += 1
        return 0.0


class SlidingWindow:
    """Allows `limit` requests in any period of `seconds`. Refused requests count too, so a client must pause."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.seconds = seconds
        self._last: deque[float] = deque(maxlen=limit)

    def admit(self, now: float) -> float:
        full = len(self._last) == self._last.maxlen
        refused = full and now - self._last[0] < self.seconds
        self._last.append(now)
        return self._last[0] + self.seconds - now if refused else 0.0


@dataclass(frozen=True)
class LimitSettings:
    """The limits that `POST /control/limits` sets; None means no such limit.

    concurrency: jobs at once of each model; concurrency_by_model: of a model by its name, instead of that.
    """

    concurrency: int | None = None
    concurrency_by_model: Mapping[str, int] = field(default_factory=dict)
    rate: float | None = None
    burst: float | None = None
    window: float | None = None
    sliding: bool = False
    on: On = "all"
    code: str = TOO_MANY_JOBS
    poll_rate: float | None = None
    retry_after: RetryAfter = None
    max_bytes: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True)
class Throttle:
    """Refuses every request with `code` until `until` (on the clock of `Limits`)."""

    until: float
    code: str
    retry_after: RetryAfter


class Limits:
    """All limits of all accounts. clock: a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        self._throttles: dict[Limited, Throttle] = {}
        self.configure(LimitSettings())

    def configure(self, settings: LimitSettings) -> None:
        """Replace the settings and reset all counts."""
        self.settings = settings
        self._requests: dict[str, Limiter] = {}
        self._polls: dict[str, Limiter] = {}
        self._set_at = self._clock()

    def throttle(self, on: On, seconds: float, code: str, retry_after: RetryAfter) -> None:
        """Refuse requests on these routes for `seconds`; 0 ends it. Replaces an earlier throttle of a route."""
        for route in routes(on):
            self._throttles[route] = Throttle(self._clock() + seconds, code, retry_after)

    def throttled(self) -> dict[str, float]:
        """Return the seconds left for each throttled route."""
        now = self._clock()
        return {route: item.until - now for route, item in self._throttles.items() if item.until > now}

    def admit(self, route: Limited, account: str) -> None:
        """Count one request. Raises the vendor's 429 if it comes too early."""
        now = self._clock()
        throttle = self._throttles.get(route)
        if throttle is not None and now < throttle.until:
            raise VendorError(throttle.code, retry_after=header(throttle.retry_after, throttle.until - now))
        settings = self.settings
        if route == "poll" and settings.poll_rate is not None:
            if account not in self._polls:
                self._polls[account] = TokenBucket(settings.poll_rate, max(1.0, settings.poll_rate))
            self._refuse(self._polls[account].admit(now), TOO_MANY_POLLS)
        if settings.rate is not None and route in routes(settings.on):
            if account not in self._requests:
                self._requests[account] = self._limiter(settings.rate)
            self._refuse(
                self._requests[account].admit(now), TOO_MANY_POLLS if route == "poll" else settings.code
            )

    def admit_job(self, model: str, transcribing: Callable[[], int]) -> None:
        """Raises A0002 if the model's jobs in flight reach its limit. `transcribing` counts them if there is one."""
        limit = self.settings.concurrency_by_model.get(model, self.settings.concurrency)
        if limit is not None and transcribing() >= limit:
            # It is unknown when a job will end, so a correct Retry-After can only say "soon".
            raise VendorError(TOO_MANY_JOBS, retry_after=header(self.settings.retry_after, 1.0))

    def _refuse(self, wait: float, code: str) -> None:
        if wait > 0:
            raise VendorError(code, retry_after=header(self.settings.retry_after, wait))

    def _limiter(self, rate: float) -> Limiter:
        settings = self.settings
        if settings.window is None:
            return TokenBucket(rate, settings.burst if settings.burst is not None else max(1.0, rate))
        if settings.sliding:
            return SlidingWindow(int(rate), settings.window)
        return FixedWindow(int(rate), settings.window, self._set_at)
