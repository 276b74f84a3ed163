"""A vendor that limits by a token bucket, in virtual time, and a fleet that always has work for it."""

from collections import deque
from dataclasses import dataclass, field

from tests.gate.desk import RATE, Desk
from transcription.gate import Ok, Permit, Purpose, Wait

LATENCY = 0.1


@dataclass
class Bucket:
    rate: float  # requests/s
    size: float = 4.0
    shut: tuple[float, float] = (0.0, 0.0)  # from, to: an outage, in which it refuses everything
    tokens: float = field(init=False)
    seen: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.size

    def takes(self, now: float) -> bool:
        self.tokens = min(self.size, self.tokens + (now - self.seen) * self.rate)
        self.seen = now
        if self.tokens < 1 or self.shut[0] <= now < self.shut[1]:
            return False
        self.tokens -= 1
        return True


@dataclass
class Tally:
    taken: int = 0
    refused: int = 0
    given: list[tuple[float, Purpose]] = field(default_factory=list)


def work(desk: Desk, vendor: Bucket, seconds: float, refusals: float = float("inf")) -> Tally:
    """Submit whenever the gate permits it, for `seconds` or until `refusals`. Each answer takes LATENCY."""
    tally, end, under_way = Tally(), desk.now + seconds, deque[tuple[float, Permit, bool]]()
    due = desk.now
    while desk.now < end and tally.refused < refusals:
        if under_way and under_way[0][0] <= due:
            at, permit, taken = under_way.popleft()
            desk.now = max(at, desk.now)
            desk.report(permit, Ok() if taken else RATE)
            tally.taken += taken
            tally.refused += not taken
            continue
        desk.now = max(due, desk.now)
        answer = desk.ask(Purpose.SUBMIT)
        if isinstance(answer, Wait):
            due = answer.until
            continue
        tally.given.append((desk.now, Purpose.SUBMIT))
        under_way.append((round(desk.now + LATENCY, 6), answer, vendor.takes(desk.now)))
    for at, permit, taken in under_way:
        desk.now = max(at, desk.now)
        desk.report(permit, Ok() if taken else RATE)
    return tally


def saturate(desk: Desk, seconds: float, purposes: tuple[Purpose, ...] = tuple(Purpose)) -> Tally:
    """Ask for each purpose at every time that the gate told it, for `seconds`. The vendor accepts everything."""
    tally, end = Tally(), desk.now + seconds
    due = dict.fromkeys(purposes, desk.now)
    while (first := min(due.values())) < end:
        desk.now = max(desk.now, first)
        for purpose in purposes:
            if due[purpose] > desk.now:
                continue
            answer = desk.ask(purpose)
            if isinstance(answer, Wait):
                due[purpose] = answer.until
            else:
                tally.given.append((desk.now, purpose))
                desk.report(answer, Ok())
    return tally
