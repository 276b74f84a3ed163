"""Count the requests to each vendor by minute and result, for a day, in Redis.

The console shows the counts; nothing is decided by them. Each hour is one hash, by the clock of Redis.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import redis

from transcription.gate import Answered, Ok, Outcome, Refused, Unavailable
from transcription.live.redis_client import redis_client

logger = logging.getLogger(__name__)

# The result of a request: answered, refused with a 429 for one of three reasons, refused because the account is not
# let in, or without a usable answer.
Result = Literal["ok", "rate", "concurrency", "quota", "credentials", "unavailable"]
REFUSALS: tuple[Result, ...] = ("rate", "concurrency", "quota")

MINUTE, QUARTER, HOUR, DAY = 60, 900, 3600, 86400  # s
KEPT = DAY + 2 * HOUR  # s; a whole hour is kept until its last minute is a day old

_SCRIPT = Path(__file__).with_name("traffic.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Slot:
    """The requests of one period, which begins at `begins` (Unix seconds)."""

    begins: int
    counts: Counter[Result]

    @property
    def at(self) -> datetime:
        """The beginning of the period."""
        return datetime.fromtimestamp(self.begins, UTC)

    @property
    def total(self) -> int:
        """The number of all requests."""
        return self.counts.total()

    @property
    def refused(self) -> int:
        """The number of 429s."""
        return sum(self.counts[result] for result in REFUSALS)

    @property
    def unanswered(self) -> int:
        """The number without a usable answer, which those are too that were not let in."""
        return self.counts["unavailable"] + self.counts["credentials"]

    @property
    def answered(self) -> int:
        """The number of requests that were served."""
        return self.counts["ok"]


def result_of(outcome: Outcome) -> Result | None:
    """Return what to count, or None if nothing was sent."""
    match outcome:
        case Ok() | Answered():
            return "ok"
        case Refused(scope="submit"):
            return "concurrency"
        case Refused(scope="quota"):
            return "quota"
        case Refused(scope="credentials"):
            return "credentials"
        case Refused():
            return "rate"
        case Unavailable():
            return "unavailable"
        case _:
            return None


def count(vendor: str, outcome: Outcome, *, now: float | None = None) -> None:
    """Count one request, in one round trip. `now` is in Unix seconds, by default by the clock of Redis.

    Does not raise if Redis is away, because a lost count must not lose the report.
    """
    result = result_of(outcome)
    if result is None:
        return
    try:
        client = redis_client()
        client.register_script(_SCRIPT)(
            keys=[_key(vendor)], args=["" if now is None else repr(float(now)), result, KEPT]
        )
    except redis.RedisError as error:
        logger.warning("A request to %s was not counted: %s", vendor, error)


def last_day(vendor: str, *, now: float | None = None) -> list[Slot]:
    """Return a slot for each minute, oldest first: 95 whole quarters of an hour and the present one so far.

    Raises redis.RedisError if Redis is away.
    """
    client = redis_client()
    now = float(client.time()[0]) if now is None else now
    first = int(now // QUARTER - 95) * QUARTER
    hours = range(first // HOUR, int(now // HOUR) + 1)
    pipeline = client.pipeline(transaction=False)
    for hour in hours:
        pipeline.hgetall(f"{_key(vendor)}:{hour}")
    found: dict[int, Counter[Result]] = {}
    for hour, fields in zip(hours, pipeline.execute(), strict=True):
        for field, value in fields.items():
            minute, _, result = field.decode().partition(":")
            if result in get_args(Result):
                found.setdefault(hour * HOUR + int(minute) * MINUTE, Counter())[result] += int(value)
    return [Slot(begins, found.get(begins, Counter())) for begins in range(first, int(now) + 1, MINUTE)]


def grouped(slots: list[Slot], seconds: int) -> list[Slot]:
    """Merge slots into slots of `seconds`, which begin at its whole multiples. The last one may be incomplete."""
    groups: dict[int, Counter[Result]] = {}
    for slot in slots:
        groups.setdefault(slot.begins // seconds * seconds, Counter()).update(slot.counts)
    return [Slot(begins, counts) for begins, counts in groups.items()]


def _key(vendor: str) -> str:
    return f"mico:traffic:{vendor}"
