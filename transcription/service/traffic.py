"""How many requests went to a vendor, minute by minute, and what became of them. Kept in Redis for a day.

For people who look at the console; nothing is decided by it. One hash for each hour, on the clock of Redis.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import redis

from transcription.gate import Ok, Outcome, Refused, Unavailable
from transcription.live.redis_client import redis_client

logger = logging.getLogger(__name__)

# What became of a request: answered, refused with a 429 for one of three reasons, or no usable answer.
Result = Literal["ok", "rate", "concurrency", "quota", "unavailable"]
REFUSALS: tuple[Result, ...] = ("rate", "concurrency", "quota")

MINUTE, QUARTER, HOUR, DAY = 60, 900, 3600, 86400  # s
KEPT = DAY + 2 * HOUR  # s; the hour in which a day ago lies has to be there to its end

_COUNT = """
local now = tonumber(ARGV[1]) or tonumber(redis.call('TIME')[1])
local key = KEYS[1] .. ':' .. math.floor(now / 3600)
redis.call('HINCRBY', key, math.floor(now % 3600 / 60) .. ':' .. ARGV[2], 1)
redis.call('EXPIRE', key, ARGV[3])
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """The requests of one stretch of time, which begins at `begins` (unix seconds)."""

    begins: int
    counts: Counter[Result]

    @property
    def at(self) -> datetime:
        """When it begins."""
        return datetime.fromtimestamp(self.begins, UTC)

    @property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()

    @property
    def refused(self) -> int:
        """The 429s."""
        return sum(self.counts[result] for result in REFUSALS)

    @property
    def unanswered(self) -> int:
        """Those without a usable answer."""
        return self.counts["unavailable"]

    @property
    def answered(self) -> int:
        """The rest."""
        return self.counts["ok"]


def result_of(outcome: Outcome) -> Result | None:
    """What is counted. None: nothing was sent."""
    match outcome:
        case Ok():
            return "ok"
        case Refused(scope="submit"):
            return "concurrency"
        case Refused(scope="quota"):
            return "quota"
        case Refused():
            return "rate"
        case Unavailable():
            return "unavailable"
        case _:
            return None


def count(vendor: str, outcome: Outcome, *, now: float | None = None) -> None:
    """Adds one request, in one round trip. Never fails for Redis: a figure for people is not worth a report."""
    result = result_of(outcome)
    if result is None:
        return
    try:
        client = redis_client()
        client.register_script(_COUNT)(
            keys=[_key(vendor)], args=["" if now is None else repr(float(now)), result, KEPT]
        )
    except redis.RedisError as error:
        logger.warning("A request to %s was not counted: %s", vendor, error)


def last_day(vendor: str, *, now: float | None = None) -> list[Slot]:
    """One slot for each minute, the oldest first: 95 whole quarters of an hour and what there is of this one.

    Raises redis.RedisError without Redis.
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
    """The same in slots of `seconds`, which begin at whole multiples of it. The last one may not be over yet."""
    groups: dict[int, Counter[Result]] = {}
    for slot in slots:
        groups.setdefault(slot.begins // seconds * seconds, Counter()).update(slot.counts)
    return [Slot(begins, counts) for begins, counts in groups.items()]


def _key(vendor: str) -> str:
    return f"mico:traffic:{vendor}"
