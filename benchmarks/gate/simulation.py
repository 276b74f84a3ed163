"""Workers, a vendor behind half a round trip, and a policy between them, in virtual time.

Sixteen workers in four processes. Each takes the next item, asks the policy, comes back when it is told to, and
sends. An accepted submit completes its item, or starts a job whose end is found by polls: those pass the policy
too, in the process of the worker that submitted, which goes on with other items meanwhile. After a 429 the item
is the next one again. The same seed gives the same arrivals, jobs and, request by request, travel times.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.gate.limiters import Kind
from benchmarks.gate.scenarios import Scenario

WORKERS = 16
PROCESSES = 4
HALF_TRIP = 0.1  # seconds, ± 30 %
SPREAD = 0.3
WAKE = 0.02  # from a published change until who waits for it asks again
SHORTEST_WAIT = 0.001  # a policy that says "now" again and again must not stop the clock
GIVE_UP = 6.0  # times what the oracle took: "never"
# Jobs: the median, its spread (lognormal), and the schedule of polls, counted from the answer before.
JOB = 10.0
JOB_SIGMA = 0.15
FIRST_POLL = 9.0
NEXT_POLL = 0.75
# A worker dies: its place is taken, and its item found, after so long.
NEW_WORKER = 5.0
ITEM_FOUND = 30.0


@dataclass(eq=False, slots=True)
class Errand:
    """One request that has to be accepted, however often it must be tried."""

    item: int
    kind: Kind
    since: float  # when its item could have been sent first
    ends: float = 0.0  # a poll's: when the vendor is done with the job
    worker: int = 0
    refusals: int = 0
    out: float = 0.0  # seconds to the vendor and back, of the coming try
    back: float = 0.0

    @property
    def process(self) -> int:
        return self.worker % PROCESSES


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: accepted or a 429 with these headers, whose code says "too many jobs" if it has one.

    job: the job that was started or asked for, if this vendor has jobs; running: whether it still runs.
    """

    accepted: bool
    headers: dict[str, str] = field(default_factory=dict)
    names_jobs: bool = False
    job: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: ask again at this time."""

    at: float


class Policy(Protocol):
    """Decides when requests are sent. Times are seconds since the scenario began."""

    def ask(self, errand: Errand, now: float) -> Any | Later:
        """A token of the policy's own, which `tell` gets back: send it now. Or Later."""
        ...

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        """What became of it. True: whoever waits should ask again now."""
        ...

    def redis_lost(self) -> None:
        """The Redis server has lost everything."""
        ...


@dataclass
class Run:
    """What one policy made of one scenario."""

    items: int
    done: int = 0
    accepted: int = 0
    refused: int = 0
    makespan: float = 0.0
    flow: float = 0.0  # sum over the items: completed − could have been sent

    @property
    def refused_per_item(self) -> float:
        return self.refused / max(1, self.done)


def job_seconds(scenario: Scenario, seed: int, item: int) -> float:
    """How long the vendor works on this item."""
    if not scenario.jobs:
        return 0.0
    return JOB * random.Random(f"job {seed} {item}").lognormvariate(0.0, JOB_SIGMA)


class Simulation:
    """One run. `watch` is told (time, run) every `every` seconds."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        policy: Policy,
        *,
        horizon: float,
        watch: Callable[[float, Run], None] | None = None,
        every: float = 10.0,
    ) -> None:
        self.scenario, self.policy, self.horizon = scenario, policy, horizon
        self.limiter = scenario.limiter(random.Random(f"limiter {seed}"))
        self.run_ = Run(scenario.items)
        self._watch, self._every = watch, every
        self._seed = seed
        self._trips = [random.Random(f"trips {seed} {worker}") for worker in range(WORKERS)]
        self._events: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._number = 0
        self._now = 0.0
        self._backlog: deque[Errand] = deque()
        self._idle = deque(range(WORKERS))
        self._waiting: dict[Errand, tuple[int, float]] = {}  # its event, and when that is
        self._dead = False

    def run(self) -> Run:
        """Until everything is done, or the horizon is reached."""
        arrivals = random.Random(f"arrivals {self._seed}")
        at = 0.0
        for item in range(self.scenario.items):
            if self.scenario.demand is not None:
                at += arrivals.expovariate(self.scenario.demand)
            self._at(at, self._arrive, Errand(item, "submit", at))
        if self.scenario.flush_at is not None:
            self._at(self.scenario.flush_at, self.policy.redis_lost)
        if self._watch is not None:
            self._at(self._every, self._report)
        while self._events and self.run_.done < self.run_.items:
            self._now, _, call, arguments = heapq.heappop(self._events)
            if self._now > self.horizon:
                break
            call(*arguments)
        return self.run_

    def _at(self, time: float, call: Callable[..., object], *arguments: Any) -> int:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, call, arguments))
        return self._number

    def _report(self) -> None:
        if self._watch is not None:
            self._watch(self._now, self.run_)
            self._at(self._now + self._every, self._report)

    def _arrive(self, errand: Errand) -> None:
        self._backlog.append(errand)
        self._next()

    def _next(self) -> None:
        while self._idle and self._backlog:
            errand = self._backlog.popleft()
            errand.worker = self._idle.popleft()
            self._prepare(errand)

    def _prepare(self, errand: Errand) -> None:
        draw = self._trips[errand.worker].uniform
        errand.out, errand.back = (HALF_TRIP * draw(1 - SPREAD, 1 + SPREAD) for _ in range(2))
        self._ask(errand)

    def _come_back(self, errand: Errand, ticket: int) -> None:
        if errand in self._waiting and self._waiting[errand][0] == ticket:
            self._ask(errand)

    def _ask(self, errand: Errand) -> None:
        self._waiting.pop(errand, None)
        token = self.policy.ask(errand, self._now)
        if isinstance(token, Later):
            self._wait(errand, token.at if token.at > self._now else self._now + SHORTEST_WAIT)
        elif self._dies(errand):
            self._at(self._now + errand.out, self.limiter.admit, self._now + errand.out, errand.kind)
            self._at(self._now + NEW_WORKER, self._free, errand.worker)
            self._at(self._now + ITEM_FOUND, self._again, errand)
        else:
            self._at(self._now + errand.out, self._reach, errand, token)

    def _wait(self, errand: Errand, at: float) -> None:
        ticket = self._number + 1
        self._waiting[errand] = (ticket, at)
        self._at(at, self._come_back, errand, ticket)

    def _dies(self, errand: Errand) -> bool:
        span = self.scenario.kill
        if self._dead or span is None or not span[0] <= self._now < span[1]:
            return False
        self._dead = True
        return True

    def _free(self, worker: int) -> None:
        self._idle.append(worker)
        self._next()

    def _again(self, errand: Errand) -> None:
        self._backlog.appendleft(errand)
        self._next()

    def _reach(self, errand: Errand, token: Any) -> None:
        """At the vendor."""
        answer = self._answer(errand)
        self._at(self._now + errand.back, self._answered, errand, token, answer)

    def _answer(self, errand: Errand) -> Answer:
        scenario = self.scenario
        job_s = job_seconds(scenario, self._seed, errand.item)
        wait = self.limiter.admit(self._now, errand.kind, job_s)
        if wait > 0:
            headers = scenario.header(wait, self._now) if scenario.header else {}
            return Answer(False, headers, scenario.names_jobs)
        if not scenario.jobs:
            return Answer(True)
        if errand.kind == "submit":
            errand.ends = self._now + job_s
        return Answer(True, job=f"job{errand.item}", running=errand.ends > self._now)

    def _answered(self, errand: Errand, token: Any, answer: Answer) -> None:
        """Back at the worker."""
        wake = self.policy.tell(errand, token, answer, self._now)
        if errand.kind == "submit":
            self._idle.appendleft(errand.worker)
        if not answer.accepted:
            self.run_.refused += 1
            errand.refusals += 1
            if errand.kind == "submit":
                self._backlog.appendleft(errand)
            else:
                self._prepare(errand)
        else:
            self.run_.accepted += 1
            if answer.running:
                pause = FIRST_POLL if errand.kind == "submit" else NEXT_POLL
                poll = Errand(errand.item, "poll", errand.since, errand.ends, errand.worker)
                self._at(self._now + pause, self._prepare, poll)
            else:
                self._complete(errand)
        if wake:
            for waiting, (_, at) in list(self._waiting.items()):
                if at > self._now + WAKE:
                    self._wait(waiting, self._now + WAKE)
        self._next()

    def _complete(self, errand: Errand) -> None:
        self.run_.done += 1
        self.run_.makespan = self._now
        self.run_.flow += self._now - errand.since
