"""What others do about 429s, rewritten in a few lines from their descriptions. Real libraries are in libraries.py."""

import random
from collections import deque
from typing import Any

from benchmarks.gate.scenarios import EPOCH, Scenario
from benchmarks.gate.simulation import PROCESSES, Answer, Errand, Later
from transcription.vendors import retry_after


class NoBackoff:
    """Always sends at once. Also the base class of the other baselines."""

    def __init__(self, scenario: Scenario, seed: int) -> None: ...

    def ask(self, errand: Errand, now: float) -> Any | Later:
        return "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        return False

    def redis_lost(self) -> None: ...


class GrowingPause(NoBackoff):
    """Mico's first answer to 429s: after each one all workers wait, `step` seconds longer for each 429 in a row.

    The pause is at most `cap` seconds. A success resets it. Headers are ignored. All processes share the state.
    """

    def __init__(self, scenario: Scenario, seed: int, *, step: float, cap: float) -> None:
        self._step, self._cap = step, cap
        self._until, self._row = 0.0, 0

    def ask(self, errand: Errand, now: float) -> Any | Later:
        return Later(self._until) if now < self._until else "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        self._row = 0 if answer.accepted else self._row + 1
        if not answer.accepted:
            self._until = now + min(self._cap, self._step * self._row)
        return False

    def redis_lost(self) -> None:
        self._until, self._row = 0.0, 0


class SharedPause(NoBackoff):
    """BullMQ's `rateLimit` (https://docs.bullmq.io/guide/rate-limiting): a key in Redis that expires.

    All workers wait while the key exists, and then all return at once. The last write wins, even if it is shorter.
    The length of the pause is the application's choice: here Retry-After, parsed by Mico's own code, or `pause`
    seconds.
    """

    def __init__(self, scenario: Scenario, seed: int, *, pause: float) -> None:
        self._pause = pause
        self._until = 0.0

    def ask(self, errand: Errand, now: float) -> Any | Later:
        return Later(self._until) if now < self._until else "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        if not answer.accepted:
            self._until = now + (retry_after.parse(answer.headers, now=EPOCH + now) or self._pause)
        return False

    def redis_lost(self) -> None:
        self._until = 0.0


class ClientThrottling(NoBackoff):
    """Google's adaptive throttling (https://sre.google/sre-book/handling-overload/), in each process.

    It rejects a request locally with probability (requests - k · accepts) / (requests + 1), counted over the last
    `window` seconds. A rejected request is tried again after `again` seconds.
    """

    def __init__(self, scenario: Scenario, seed: int, *, k: float, window: float, again: float) -> None:
        self._k, self._window, self._again = k, window, again
        self._random = random.Random(f"client throttling {seed}")
        self._requests: list[deque[float]] = [deque() for _ in range(PROCESSES)]
        self._accepts: list[deque[float]] = [deque() for _ in range(PROCESSES)]

    def ask(self, errand: Errand, now: float) -> Any | Later:
        requests, accepts = self._requests[errand.process], self._accepts[errand.process]
        for times in requests, accepts:
            while times and times[0] < now - self._window:
                times.popleft()
        rejected = (len(requests) - self._k * len(accepts)) / (len(requests) + 1)
        requests.append(now)
        return Later(now + self._again) if self._random.random() < rejected else "go"

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        if answer.accepted:
            self._accepts[errand.process].append(now)
        return False
