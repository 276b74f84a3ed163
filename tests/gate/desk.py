"""A gate in virtual time, and short names for what the tests do with it."""

from dataclasses import dataclass

from redis import Redis

from transcription.gate import (
    Gate,
    GateChange,
    GateFigures,
    GateParams,
    GateState,
    Ok,
    Outcome,
    Permit,
    Purpose,
    Refused,
    Room,
    Wait,
)

DEFAULTS = GateParams()
RATE, JOBS, QUOTA = Refused(), Refused("submit"), Refused("quota")
CREDENTIALS = Refused("credentials")
FIRST = DEFAULTS.first_pause
PARTS = ("", ":submits", ":polls", ":jobs")
START = 1_800_000_000.123456  # with microseconds, which must not get lost


@dataclass(frozen=True)
class LaneRecord:
    """A lane's fields in the hash, corrected as the script corrects them after the clock stepped back."""

    reason: str
    till: float
    span: float
    epoch: int
    pause: float
    probe: str
    lease: float

    @property
    def closed(self) -> bool:
        return self.reason != ""


class Desk:
    def __init__(self, redis: "Redis", name: str, params: GateParams = DEFAULTS) -> None:
        self.redis = redis
        self.gate = Gate(redis, name, params)
        self.params = params
        self.key = f"mico:gate:{{{name}}}"
        self.now = START

    def after(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)

    def ask(self, purpose: Purpose, lease: float | None = None) -> Permit | Wait:
        return self.gate.acquire(purpose, now=self.now, lease=lease)

    def submit(self) -> Permit:
        return self._permit(Purpose.SUBMIT)

    def poll(self) -> Permit:
        return self._permit(Purpose.POLL)

    def refused(self, purpose: Purpose = Purpose.SUBMIT) -> Wait:
        answer = self.ask(purpose)
        assert isinstance(answer, Wait), answer
        return answer

    def report(self, permit: Permit, outcome: Outcome) -> GateChange | None:
        return self.gate.report(permit, outcome, now=self.now)

    def change(self, permit: Permit, outcome: Outcome) -> GateChange:
        change = self.report(permit, outcome)
        assert change is not None
        return change

    def state(self) -> GateState:
        return self.gate.state(now=self.now)

    def hold(self, note: str = "by the admin") -> GateChange | None:
        return self.gate.hold(note, now=self.now)

    def resume(self) -> GateChange | None:
        return self.gate.resume(now=self.now)

    def figures(self) -> GateFigures:
        return self.gate.figures(now=self.now)

    def room(self, purpose: Purpose) -> Room:
        return self.gate.room(purpose, now=self.now)

    def in_flight(self) -> int:
        return self.figures().requests

    def next(self, purpose: Purpose) -> Permit:
        """Return a permit, after as many waits as the gate tells."""
        while isinstance(answer := self.ask(purpose), Wait):
            self.now = answer.until
        return answer

    def wipe(self) -> None:
        self.redis.delete(*(self.key + part for part in PARTS), *self.redis.scan_iter(f"{self.key}:*:*"))

    def everything(self) -> tuple[object, object]:
        """Return the content of all of the gate's keys."""
        zsets = [self.redis.zrange(self.key + part, 0, -1, withscores=True) for part in PARTS[1:]]
        return self.redis.hgetall(self.key), zsets

    def field(self, name: str) -> str:
        value = self.redis.hget(self.key, name)
        return value.decode() if isinstance(value, bytes) else ""

    def lane(self, name: str) -> LaneRecord:
        def number(field: str) -> float:
            return float(self.field(f"{name}.{field}") or 0)

        till, span, lease = number("till"), number("span"), number("lease")
        if till > self.now + span + 1e-5:
            till = self.now + span
        return LaneRecord(
            reason=self.field(f"{name}.reason"),
            till=till,
            span=span,
            epoch=int(number("epoch")),
            pause=number("pause"),
            probe=self.field(f"{name}.probe"),
            lease=min(lease, self.now + self.probe_lease(name)),
        )

    def probe_lease(self, lane: str) -> float:
        """Return how long a probe of this lane may be out now."""
        audio = lane == "submit" and self.field("submit.reason") == "unavailable"
        return self.params.permit_lease if audio else self.params.probe_lease

    def _permit(self, purpose: Purpose) -> Permit:
        answer = self.ask(purpose)
        assert isinstance(answer, Permit), answer
        return answer


def closed_by(desk: Desk, outcome: Outcome) -> None:
    assert desk.change(desk.submit(), outcome).kind == "closed"


def open_again(desk: Desk) -> None:
    """Let the probe succeed, and go on until a few requests may go at once again."""
    desk.after(desk.refused().seconds)
    assert desk.change(desk.submit(), Ok()).kind == "opened"
    desk.after(5)


def refuse_again(desk: Desk, times: int, outcome: Outcome = RATE) -> list[float]:
    """Refuse as many probes as `times`. Return the wait that follows each."""
    waits = []
    for _ in range(times):
        desk.after(desk.refused().seconds)
        desk.report(desk.submit(), outcome)
        waits.append(desk.refused().seconds)
    return waits


def running(desk: Desk, job: str) -> None:
    """Submit `job`, which the vendor accepts."""
    desk.report(desk.next(Purpose.SUBMIT), Ok(job, running=True))


def ended(desk: Desk, job: str) -> None:
    desk.report(desk.next(Purpose.POLL), Ok(job))
