"""Workers, a policy, and a vendor half a round trip away, in virtual time.

There are sixteen workers in four processes. A worker takes the next item and asks the policy, which lets it send or
tells it when to ask again. An accepted submit completes its item, or it starts a job whose end is found by polls.
Polls pass the policy too, in the process of the worker that submitted; that worker goes on with other items
meanwhile. After a 429 the item becomes the next one again. The same seed gives the same arrivals, the same jobs and
the same travel time of each request.
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
WAKE = 0.02  # seconds from a published change until waiting workers ask again
SHORTEST_WAIT = 0.001  # seconds; a policy that always answers "ask again now" must not stop the clock
GIVE_UP = 6.0  # a policy that takes this many times as long as the oracle counts as never finishing
# Jobs: the median length in seconds, the sigma of its log-normal distribution, and the seconds from the submit's
# answer to the first poll and from each poll's answer to the next poll.
JOB = 10.0
JOB_SIGMA = 0.15
FIRST_POLL = 9.0
NEXT_POLL = 0.75
# Seconds from the death of a worker until another takes its place, and until its item is found.
NEW_WORKER = 5.0
ITEM_FOUND = 30.0


@dataclass(eq=False, slots=True)
class Errand:
    """A request that is sent again until it is accepted."""

    item: int
    kind: Kind
    since: float  # when its item arrived
    ends: float = 0.0  # of a poll: when the job ends at the vendor
    worker: int = 0
    refusals: int = 0
    out: float = 0.0  # seconds to the vendor, for the next try
    back: float = 0.0  # seconds back

    @property
    def process(self) -> int:
        return self.worker % PROCESSES


@dataclass(frozen=True, slots=True)
class Answer:
    """The vendor's answer: accepted, or a 429 with `headers`.

    `names_jobs`: the 429 says that there are too many jobs. `job`: the id of the job that was started or polled, if
    this vendor has jobs. `running`: whether that job still runs.
    """

    accepted: bool
    headers: dict[str, str] = field(default_factory=dict)
    names_jobs: bool = False
    job: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """The policy's answer "not now": ask again at this time."""

    at: float


class Policy(Protocol):
    """Decides when requests are sent. Times are seconds since the scenario began."""

    def ask(self, errand: Errand, now: float) -> Any | Later:
        """Return a token of the policy's own, which means "send now" and is passed to `tell`; or `Later`."""
        ...

    def tell(self, errand: Errand, token: Any, answer: Answer, now: float) -> bool:
        """Learn the answer to a request. Return True if waiting workers should ask again now."""
        ...

    def redis_lost(self) -> None:
        """Handle that the Redis server has lost everything."""
        ...


@dataclass
class Run:
    """The counts of one policy in one scenario. `excused`: those of the refusals that no pace could have avoided."""

    items: int
    done: int = 0
    accepted: int = 0
    refused: int = 0
    excused: int = 0
    makespan: float = 0.0
    flow: float = 0.0  # seconds from arrival to completion, summed over the items

    @property
    def refused_per_item(self) -> float:
        return (self.refused - self.excused) / max(1, self.done)


def job_seconds(scenario: Scenario, seed: int, item: int) -> float:
    """Return how long the vendor works on an item, in seconds."""
    if not scenario.jobs:
        return 0.0
    return JOB * random.Random(f"job {seed} {item}").lognormvariate(0.0, JOB_SIGMA)


class Simulation:
    """One run. `watch` is called with the time and the run every `every` simulated seconds."""

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
        self._waiting: dict[Errand, tuple[int, float]] = {}  # the number and the time of its event
        self._dead = False

    def run(self) -> Run:
        """Run until all items are done or `horizon` is reached."""
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
        self.run_.excused = min(self.limiter.excused, self.run_.refused)
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
        """Handle the arrival of a request at the vendor."""
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
        """Handle the arrival of an answer at the worker."""
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
