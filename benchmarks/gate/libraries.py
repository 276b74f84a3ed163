"""What others do about 429s: the real classes of libraries, with their clock replaced by the simulation's.

benchmarks/requirements.txt names the libraries. Nothing else needs them.
"""

import random
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import CapacityNotAvailableError
from botocore.retries import adaptive, bucket, standard, throttling
from tenacity import RetryCallState, Retrying, wait_random_exponential
from throttled import MemoryStore, Throttled, per_duration
from throttled import utils as throttled_utils
from urllib3.response import HTTPResponse
from urllib3.util.retry import Retry

from benchmarks.gate.baselines import NoBackoff
from benchmarks.gate.scenarios import EPOCH, Scenario
from benchmarks.gate.simulation import PROCESSES, Answer, Errand, Later


class PerRequest(NoBackoff):
    """Each request waits after its own refusals and knows nothing of other requests."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._not_before: dict[Errand, float] = {}
        random.seed(f"libraries {seed}")  # tenacity and urllib3 use the generator of the module

    def ask(self, errand: Errand, now: float) -> Any | Later:
        at = self._not_before.get(errand, 0.0)
        return Later(at) if now < at else "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        if answer.accepted:
            self._not_before.pop(errand, None)
        else:
            self._not_before[errand] = now + self._wait(errand, answer, now)
        return False

    def _wait(self, errand: Errand, answer: Answer, now: float) -> float:
        raise NotImplementedError


class FullJitter(PerRequest):
    """tenacity's `wait_random_exponential`. It ignores headers."""

    def __init__(self, scenario: Scenario, seed: int, *, multiplier: float, longest: float) -> None:
        super().__init__(scenario, seed)
        self._strategy = wait_random_exponential(multiplier=multiplier, max=longest)
        self._retrying = Retrying()

    def _wait(self, errand: Errand, answer: Answer, now: float) -> float:
        state = RetryCallState(self._retrying, None, (), {})
        state.attempt_number = errand.refusals + 1
        return float(self._strategy(state))


class Urllib3(PerRequest):
    """urllib3's `Retry`: Retry-After if the answer has one, otherwise exponential."""

    def __init__(self, scenario: Scenario, seed: int, *, factor: float, jitter: float) -> None:
        super().__init__(scenario, seed)
        self._first = Retry(
            total=None, backoff_factor=factor, backoff_jitter=jitter * factor, status_forcelist=[429]
        )
        self._retries: dict[Errand, Retry] = {}

    def _wait(self, errand: Errand, answer: Answer, now: float) -> float:
        response = HTTPResponse(status=429, headers=answer.headers)
        retry = self._retries.get(errand, self._first).increment("POST", "/", response)
        self._retries[errand] = retry
        with patch("urllib3.util.retry.time.time", new=lambda: EPOCH + now):
            return retry.get_retry_after(response) or retry.get_backoff_time()


class Clock:
    """Replaces botocore's `Clock`. It never sleeps."""

    now = EPOCH

    def current_time(self) -> float:
        return self.now


class Detector:
    """Replaces botocore's detector of throttling errors. `refused`: whether the current answer is a 429."""

    refused = False

    def is_throttling_error(self, **kwargs: Any) -> bool:
        return self.refused

    def is_throttling_error_from_context(self, context: Any) -> bool:
        return True


class NonBlocking:
    """botocore's `TokenBucket`, which raises CapacityNotAvailableError instead of waiting for a token."""

    def __init__(self, clock: Clock) -> None:
        self._bucket = bucket.TokenBucket(max_rate=1, clock=clock)

    def acquire(self) -> None:
        self._bucket.acquire(block=False)

    @property
    def missing_s(self) -> float:
        """Seconds until there is a token, at the current rate."""
        return float((1 - self._bucket.available_capacity) / self._bucket.max_rate)

    @property
    def max_rate(self) -> float:
        return float(self._bucket.max_rate)

    @max_rate.setter
    def max_rate(self, value: float) -> None:
        self._bucket.max_rate = value

    @property
    def available_capacity(self) -> float:
        return float(self._bucket.available_capacity)


class Adaptive(PerRequest):
    """botocore's adaptive retry mode: CUBIC over a measured rate, a token bucket, and back-off after a refusal.

    Each process has one; or, hypothetically, all share one (`shared`). After `attempts` attempts a call fails, and
    the item starts again.
    """

    def __init__(
        self, scenario: Scenario, seed: int, *, shared: bool, beta: float, scale: float, attempts: int
    ) -> None:
        super().__init__(scenario, seed)
        self._clock, self._detector, self._attempts = Clock(), Detector(), attempts
        self._backoff = standard.ExponentialBackoff(throttling_detector=self._detector)
        self._buckets = [NonBlocking(self._clock) for _ in range(1 if shared else PROCESSES)]
        self._limiters = [
            adaptive.ClientRateLimiter(
                rate_adjustor=throttling.CubicCalculator(0, EPOCH, scale_constant=scale, beta=beta),
                rate_clocker=adaptive.RateClocker(self._clock),
                token_bucket=own,
                throttling_detector=self._detector,
                clock=self._clock,
            )
            for own in self._buckets
        ]

    def ask(self, errand: Errand, now: float) -> Any | Later:
        waits = super().ask(errand, now)
        if isinstance(waits, Later):
            return waits
        self._clock.now = EPOCH + now
        index = errand.process % len(self._limiters)
        try:
            self._limiters[index].on_sending_request(request=None)
        except CapacityNotAvailableError:
            return Later(now + self._buckets[index].missing_s)
        return "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        self._clock.now = EPOCH + now
        self._detector.refused = not answer.accepted
        index = errand.process % len(self._limiters)
        before = self._buckets[index].max_rate
        self._limiters[index].on_receiving_response()
        super().tell(errand, token, answer, now)
        # In botocore, callers wait for the bucket on a condition variable, which is notified of a new rate.
        return self._buckets[index].max_rate > before

    def _wait(self, errand: Errand, answer: Answer, now: float) -> float:
        attempt = errand.refusals % self._attempts + 1
        if attempt == self._attempts:
            return 0.0
        return float(self._backoff.delay_amount(standard.RetryContext(attempt_number=attempt)))


class StaticRate(NoBackoff):
    """throttled-py's GCRA, shared by all, at `factor` times the documented limit. It ignores 429s."""

    def __init__(self, scenario: Scenario, seed: int, *, factor: float) -> None:
        rate, burst = scenario.limit
        self._only_submits = scenario.polls_are_free
        hourly = round(rate * factor * 3600)
        self._quota = per_duration(timedelta(hours=1), hourly, burst=max(1, round(burst * factor)))
        self.redis_lost()

    def ask(self, errand: Errand, now: float) -> Any | Later:
        if errand.kind == "poll" and self._only_submits:
            return "go"
        # The clock starts at 1, because throttled-py takes a stored time of 0 for no time.
        with patch.object(throttled_utils, "now_mono_f", new=lambda: now + 1):
            result = self._throttled.limit("vendor")
        return Later(now + result.state.retry_after) if result.limited else "go"

    def redis_lost(self) -> None:
        self._throttled = Throttled(using="gcra", quota=self._quota, store=MemoryStore())
