"""The scenarios: vendors with their limits, each with one set of numbers for tuning and one for reporting."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal

from benchmarks.gate.limiters import (
    Chance,
    Down,
    FixedWindow,
    Jobs,
    Limiter,
    PenaltyBox,
    SlidingWindow,
    TokenBucket,
)

Set = Literal["tuning", "reporting"]
Header = Callable[[float, float], dict[str, str]]

# Second 0 of every scenario in Unix seconds. The gate and the headers need times like those of a real clock.
EPOCH = 1_700_000_012.345678

SEEDS: dict[Set, tuple[int, ...]] = {"tuning": (1, 2, 3), "reporting": (101, 102, 103)}


@dataclass(frozen=True)
class Scenario:
    """A vendor and the work to do. Times are seconds since the scenario began.

    `limiter`: creates the vendor's limiter. `items`: the number of items to complete. `limit`: requests per second
    and burst as the vendor documents them, for the baselines that must be told. `header`: makes the headers of a 429
    from the seconds to wait and the time. `jobs`: whether a submit starts a job that must be polled.
    `polls_are_free`: polls do not count towards the limit. `names_jobs`: a 429 says that it is about jobs. `demand`:
    items that arrive per second (Poisson); None if all are there at the start. `kill`: the first worker that sends in
    this span dies. `flush_at`: when Redis loses everything.
    """

    name: str
    limiter: Callable[[random.Random], Limiter]
    items: int
    limit: tuple[float, float]
    header: Header | None = None
    jobs: bool = False
    polls_are_free: bool = False
    names_jobs: bool = False
    demand: float | None = None
    kill: tuple[float, float] | None = None
    flush_at: float | None = None


def honest(wait: float, now: float) -> dict[str, str]:
    """Retry-After with the true wait, in whole seconds, rounded up."""
    return {"Retry-After": str(math.ceil(wait))}


def too_short(part: float) -> Header:
    """Retry-After with a fraction of the true wait."""
    return lambda wait, now: {"Retry-After": str(int(wait * part))}


def date(skew: float, *, with_date: bool) -> Header:
    """Retry-After as a date from a clock that is `skew` seconds ahead. A Date header is from the same clock."""

    def header(wait: float, now: float) -> dict[str, str]:
        clock = EPOCH + now + skew
        own = {"Date": formatdate(clock, usegmt=True)} if with_date else {}
        return {**own, "Retry-After": formatdate(math.ceil(clock + wait), usegmt=True)}

    return header


def window(limit: int, seconds: float = 60.0) -> Callable[[random.Random], Limiter]:
    """`limit` requests in each fixed window. A random part of the first window has passed at the start."""
    return lambda rng: FixedWindow(limit, seconds, rng.uniform(0.0, seconds))


def bucket(rates: float | list[tuple[float, float]], burst: float) -> Callable[[random.Random], Limiter]:
    return lambda rng: TokenBucket(rates, burst)


def down(rate: float, burst: float, spans: list[tuple[float, float]]) -> Callable[[random.Random], Limiter]:
    return lambda rng: Down(TokenBucket(rate, burst), spans)


def chance(rate: float, burst: float, seconds: float, part: float) -> Callable[[random.Random], Limiter]:
    """A vendor that now and then refuses everything for a moment, however slowly it is asked."""
    return lambda rng: Chance(TokenBucket(rate, burst), seconds, part, rng)


def flapping(rate: float, burst: float, down_s: float, up_s: float) -> Callable[[random.Random], Limiter]:
    def make(rng: random.Random) -> Limiter:
        period, first = down_s + up_s, rng.uniform(0.0, up_s)
        return Down(
            TokenBucket(rate, burst), [(first + i * period, first + i * period + down_s) for i in range(400)]
        )

    return make


def scenarios(which: Set) -> list[Scenario]:
    """Return all scenarios of a set, in the order of the table."""
    t = which == "tuning"

    def pick(tuning: float, reporting: float) -> float:
        return tuning if t else reporting

    def count(tuning: int, reporting: int) -> int:
        return tuning if t else reporting

    rate, burst, n = pick(3, 2), pick(6, 10), count(450, 400)
    tight = pick(7, 10)
    per_minute, windows = count(80, 60), count(2000, 1800)
    per_sliding = count(8, 10)
    base, outage, start = pick(8, 10), pick(90, 120), pick(40, 60)
    low, high = pick(1.5, 1), pick(12, 10)
    cap = count(6, 8)
    jobs = (cap / 10, float(cap))
    mixed = pick(5, 4)
    boxed = pick(4, 5)
    wanted = pick(4, 3)
    wide = pick(6, 5)
    minute = (per_minute / 60, float(per_minute))
    skew = pick(25, 45)
    out = [(start, start + outage)]
    ease, wide_open = pick(3, 4), pick(40, 50)
    backlog = pick(15, 20)
    slow, slower = pick(40 / 60, 30 / 60), pick(60 / 60, 50 / 60)
    per_ten_s, per_ten_min = count(30, 40), count(80, 60)
    fallen = pick(12, 16)
    fall = [(0, fallen), (start, fallen / 40), (start + pick(300, 240), fallen)]
    return [
        Scenario("bucket", bucket(rate, burst), n, (rate, burst)),
        Scenario("bucket, Retry-After", bucket(rate, burst), n, (rate, burst), honest),
        Scenario("strict", bucket(tight, 1), count(1200, 1800), (tight, 1)),
        Scenario("minute", window(per_minute), windows, minute),
        Scenario("minute, Retry-After", window(per_minute), windows, minute, honest),
        Scenario(
            "sliding",
            lambda rng: SlidingWindow(per_sliding, 60.0),
            count(120, 150),
            (per_sliding / 60, per_sliding),
        ),
        Scenario("outage", down(base, 10, out), count(1600, 2000), (base, 10)),
        Scenario("drop", bucket([(0, high), (start, low)], 5), count(720, 900), (high, 5)),
        Scenario("rise", bucket([(0, low), (pick(90, 120), high)], 5), count(1800, 2000), (low, 5)),
        Scenario("flapping", flapping(base, 5, pick(4, 5), pick(20, 15)), count(1300, 1500), (base, 5)),
        Scenario(
            "jobs, named",
            lambda rng: Jobs(cap),
            count(450, 600),
            jobs,
            jobs=True,
            polls_are_free=True,
            names_jobs=True,
        ),
        Scenario(
            "jobs, unnamed", lambda rng: Jobs(cap), count(450, 600), jobs, jobs=True, polls_are_free=True
        ),
        Scenario("mixed", bucket(mixed, 8), count(300, 300), (mixed, 8), jobs=True),
        Scenario("lying: too short", window(per_minute), windows, minute, too_short(pick(0.5, 0.3))),
        Scenario("lying: dated", window(per_minute), windows, minute, date(2 * skew, with_date=True)),
        Scenario("lying: clock behind", window(per_minute), windows, minute, date(-skew, with_date=False)),
        Scenario("lying: clock ahead", window(per_minute), windows, minute, date(skew / 3, with_date=False)),
        Scenario(
            "penalty box",
            lambda rng: PenaltyBox(TokenBucket(boxed, 5), pick(15, 20)),
            count(800, 1000),
            (boxed, 5),
        ),
        Scenario("low demand", bucket(wanted / 0.6, 10), count(700, 600), (wanted / 0.6, 10), demand=wanted),
        Scenario("high demand", bucket(wanted / 0.8, 5), count(700, 600), (wanted / 0.8, 5), demand=wanted),
        Scenario(
            "killed", down(base, 10, out), count(1600, 2000), (base, 10), kill=(start + 10, start + outage)
        ),
        Scenario("Redis lost", bucket(wide, 10), count(1000, 1000), (wide, 10), flush_at=pick(70, 90)),
        Scenario(
            "chance at ease",
            chance(wide_open, 10, pick(0.7, 0.5), pick(1 / 40, 1 / 30)),
            count(1500, 2000),
            (wide_open, 10),
            demand=ease,
        ),
        Scenario(
            "chance per request",
            chance(wide_open, 10, 0.01, pick(1 / 40, 1 / 30)),
            count(1500, 2000),
            (wide_open, 10),
            demand=ease,
        ),
        Scenario(
            "hiccups at ease",
            chance(wide_open, 10, pick(3, 4), pick(1 / 25, 1 / 20)),
            count(1500, 2000),
            (wide_open, 10),
            demand=ease,
        ),
        Scenario(
            "chance, backlog",
            chance(backlog, 5, pick(0.7, 0.5), pick(1 / 40, 1 / 30)),
            count(3000, 4000),
            (backlog, 5),
        ),
        Scenario(
            "per request, backlog",
            chance(backlog, 5, 0.01, pick(1 / 40, 1 / 30)),
            count(3000, 4000),
            (backlog, 5),
        ),
        Scenario("slow", bucket(slow, count(2, 3)), count(300, 250), (slow, count(2, 3))),
        Scenario("slow, strict", bucket(slower, 1), count(400, 350), (slower, 1)),
        Scenario("ten seconds", window(per_ten_s, 10.0), count(1500, 1800), (per_ten_s / 10, per_ten_s)),
        Scenario(
            "ten minutes",
            window(per_ten_min, 600.0),
            count(1120, 900),
            (per_ten_min / 600, per_ten_min),
        ),
        Scenario("fall to a fortieth", bucket(fall, 5), count(1800, 2400), (fallen, 5)),
    ]
