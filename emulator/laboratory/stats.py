"""Statistics of requests and answers, for tests and benchmarks to read the vendor's side."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ..service.service import ROUTES, Route

_LOG_LENGTH: Final = 500
_SECONDS_KEPT: Final = 3600
# Recorded in place of a status if the client got no answer.
NO_ANSWER: Final = "none"


@dataclass
class Entry:
    """One request. `status` stays None if it got no answer.

    t: unix seconds of its arrival; ready_at: unix seconds at which the job that it submitted is visibly done, at the
    earliest.
    """

    t: float
    route: Route
    in_flight: int
    status: int | None = None
    code: str | None = None
    job: str | None = None
    fault: str | None = None
    seconds: float | None = None
    ready_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None or name == "status"}


@dataclass
class Stats:
    """Counts since the start or the last reset."""

    in_flight: Counter[Route] = field(default_factory=Counter)
    requests: dict[Route, Counter[str]] = field(default_factory=dict)
    _log: deque[Entry] = field(default_factory=lambda: deque(maxlen=_LOG_LENGTH))
    _by_second: dict[int, dict[Route, Counter[str]]] = field(default_factory=dict)

    @contextmanager
    def request(self, route: Route) -> Iterator[Entry]:
        """Time a request, and count it under the second of its arrival when it is over."""
        self.in_flight[route] += 1
        entry = Entry(time.time(), route, self.in_flight.total())
        try:
            yield entry
        finally:
            self.in_flight[route] -= 1
            entry.seconds = round(time.time() - entry.t, 4)
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        status = NO_ANSWER if entry.status is None else str(entry.status)
        self._log.append(entry)
        self.requests.setdefault(entry.route, Counter())[status] += 1
        second = self._by_second.setdefault(int(entry.t), {})
        second.setdefault(entry.route, Counter())[status] += 1
        if len(self._by_second) > _SECONDS_KEPT:
            del self._by_second[min(self._by_second)]

    def clear(self) -> None:
        """Reset the counts. Requests under way are kept."""
        self.requests.clear()
        self._log.clear()
        self._by_second.clear()

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": {route: dict(self.requests.get(route, {})) for route in ROUTES},
            "in_flight": {route: self.in_flight[route] for route in ROUTES},
            "by_second": [{"t": t, **self._by_second[t]} for t in sorted(self._by_second)],
            "log": [entry.as_json() for entry in self._log],
        }
