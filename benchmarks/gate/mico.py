"""Mico's own gate: the real script on a real Redis, with the simulation's clock."""

from collections.abc import Callable

from redis import Redis

from benchmarks.gate.scenarios import EPOCH
from benchmarks.gate.simulation import Answer, Errand, Later
from transcription.gate import Gate, GateChange, GateParams, Ok, Outcome, Permit, Purpose, Refused
from transcription.vendors import retry_after

DEFAULTS = GateParams()
PURPOSES = {"submit": Purpose.SUBMIT, "poll": Purpose.POLL}


class Mico:
    """The gate, used as Mico uses it. `redis` must be for this policy only; it is emptied first.

    As in Mico, waiting workers are woken by a change that lets requests pass and by the end of a job. `trace` is
    called with the time and each change.
    """

    def __init__(
        self,
        redis: "Redis",
        params: GateParams = DEFAULTS,
        trace: Callable[[float, GateChange], None] | None = None,
    ) -> None:
        self.redis, self._trace = redis, trace
        self.gate = Gate(redis, "bench", params)
        redis.flushdb()

    def ask(self, errand: Errand, now: float) -> Permit | Later:
        answer = self.gate.acquire(PURPOSES[errand.kind], now=EPOCH + now)
        return answer if isinstance(answer, Permit) else Later(now + answer.seconds)

    def tell(self, errand: Errand, token: Permit, answer: Answer, now: float) -> bool:
        change = self.gate.report(token, _outcome(answer, now), now=EPOCH + now)
        if change is None:
            return answer.accepted and answer.job is not None and not answer.running
        if self._trace is not None:
            self._trace(now, change)
        return not change.state.stops(Purpose.POLL)

    def held(self) -> dict[str, str]:
        """Return the fields of the gate's hash."""
        keys = [
            key for key in self.redis.scan_iter("mico:gate:*") if self.redis.type(key) in {b"hash", "hash"}
        ]
        return {_text(k): _text(v) for key in keys for k, v in sorted(self.redis.hgetall(key).items())}

    def redis_lost(self) -> None:
        self.redis.flushdb()


def _outcome(answer: Answer, now: float) -> Outcome:
    if answer.accepted:
        return Ok(answer.job or "", answer.running)
    # An answer without a Date header is read by the machine's own clock, which is right in the simulation.
    wait_s = retry_after.parse(answer.headers, now=EPOCH + now)
    return Refused("submit" if answer.names_jobs else "all", wait_s)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
