"""Everything that goes wrong: each fault's name, how it begins, how it ends, and how long it lasts."""

import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

import redis
import requests

from tests.chaos.fleet import DISPATCHERS, LEASE_SECONDS, MICO, WEBS, WORKERS, Database, Fleet
from tests.chaos.people import People
from tests.waiting import patient

ALWAYS: Final = 3600.0  # seconds: until the fault ends it
BEYOND_LEASE: Final = (LEASE_SECONDS + 1, LEASE_SECONDS + 3)
INTACT: Final = {"concurrency": None, "rate": None, "burst": None, "poll_rate": None, "retry_after": None}


@dataclass(frozen=True)
class World:
    """What a fault can reach."""

    fleet: Fleet
    people: People


@dataclass(frozen=True)
class Strike:
    """One fault at its time: `at_s` after the first, at `target`, for `seconds`. `amount`: -1 to 1."""

    number: int
    at_s: float
    fault: str
    target: str
    seconds: float
    amount: float

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.number:4} {self.at_s:7.2f} s  {self.fault}  {self.target}{lasts} ({self.amount:+.2f})"


Act = Callable[[World, Strike], None]


def _nothing(_world: World, _strike: Strike) -> None:
    """End nothing: the fault is over at once, or ends by itself."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault. `weight`: how often it is chosen. `off`: why it is not chosen at all."""

    name: str
    begin: Act
    end: Act = _nothing
    targets: tuple[str, ...] = ("",)
    seconds: tuple[float, float] = (0.0, 0.0)
    weight: float = 1.0
    only: Database | None = None
    off: str = ""


# --- Processes ------------------------------------------------------------------------------------


def _send(number: signal.Signals) -> Act:
    def act(world: World, strike: Strike) -> None:
        world.fleet.send(strike.target, number)

    return act


def _send_to_all(number: signal.Signals) -> Act:
    def act(world: World, _strike: Strike) -> None:
        for name in WORKERS:
            world.fleet.send(name, number)

    return act


def _supervisor(number: signal.Signals) -> Act:
    def act(world: World, _strike: Strike) -> None:
        world.fleet.send_to_supervisor(number)

    return act


def _take_away(world: World, strike: Strike) -> None:
    world.fleet.down(strike.target)
    world.fleet.send(strike.target, signal.SIGKILL)


def _bring_back(world: World, strike: Strike) -> None:
    world.fleet.up(strike.target)


def _set_clock(world: World, strike: Strike) -> None:
    # Within the lease: machines that keep time by NTP are far closer than that.
    world.fleet.skew(strike.target, strike.amount * LEASE_SECONDS / 2)
    world.fleet.send(strike.target, signal.SIGTERM)


def _set_clock_right(world: World, strike: Strike) -> None:
    world.fleet.skew(strike.target, None)
    world.fleet.send(strike.target, signal.SIGTERM)


def _fill_disk(world: World, strike: Strike) -> None:
    world.fleet.fill_disk(strike.target, True)


def _free_disk(world: World, strike: Strike) -> None:
    world.fleet.fill_disk(strike.target, False)


# --- Redis and the database -----------------------------------------------------------------------


def _wipe_redis(world: World, _strike: Strike) -> None:
    shutil.rmtree(world.fleet.folder / "redis" / "appendonlydir", ignore_errors=True)
    world.fleet.send("redis", signal.SIGKILL)


def _flush_redis(world: World, _strike: Strike) -> None:
    with suppress(redis.RedisError), world.fleet.connection() as connection:
        connection.flushall()


def _lock_database(world: World, strike: Strike) -> None:
    """Hold SQLite's write lock, as a backup or a slow disk does."""
    path = world.fleet.folder / "mico" / "mico.sqlite3"
    with (
        closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection,
        suppress(sqlite3.OperationalError),
    ):
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(1 + abs(strike.amount))
        connection.execute("ROLLBACK")


# --- The vendor -----------------------------------------------------------------------------------


def _control(world: World, name: str, **fields: Any) -> None:
    """Set a control, once the emulator answers."""
    deadline = time.monotonic() + patient(5)
    while True:
        try:
            world.fleet.emulator.control(name, **fields)
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _throttle(code: str, on: str, retry_after: bool | None = None) -> Act:
    def act(world: World, strike: Strike) -> None:
        _control(world, "throttle", seconds=strike.seconds, code=code, on=on, retry_after=retry_after)

    return act


def _limit(**limits: Any) -> Act:
    def act(world: World, _strike: Strike) -> None:
        _control(world, "limits", **limits)

    return act


def _no_limits(world: World, _strike: Strike) -> None:
    _control(world, "limits", **INTACT)


def _fail(kind: str, on: str, count: int = 3, **fields: Any) -> Act:
    def act(world: World, _strike: Strike) -> None:
        _control(world, "faults", kind=kind, on=on, count=count, **fields)

    return act


def _refuse_credentials(world: World, _strike: Strike) -> None:
    _control(world, "faults", kind="401", on="all", count=100_000)


def _fail_no_more(world: World, _strike: Strike) -> None:
    deadline = time.monotonic() + patient(5)
    while True:
        try:
            requests.delete(f"{world.fleet.emulator.base_url}/control/faults", timeout=10).raise_for_status()
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _revoke_tokens(world: World, _strike: Strike) -> None:
    _control(world, "lifetimes", revoke_tokens=True)


def _slower(world: World, strike: Strike) -> None:
    _control(world, "turnaround", seconds=0.3 + 2 * abs(strike.amount))


# --- People who run it ----------------------------------------------------------------------------


def _use_up_quota(world: World, _strike: Strike) -> None:
    _control(world, "throttle", seconds=ALWAYS, code="A0001", on="submit")


def _buy_usage(world: World, strike: Strike) -> None:
    _control(world, "throttle", seconds=0, on="submit")
    _resume(world, strike)


def _hold(world: World, _strike: Strike) -> None:
    with suppress(requests.RequestException):
        world.people.hold()


def _resume(world: World, _strike: Strike) -> None:
    """Press Resume until the server has confirmed it."""
    deadline = time.monotonic() + patient(15)
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if world.people.resume():
                return
        time.sleep(0.3)
    raise TimeoutError("Nobody confirmed Resume.")


FAULTS: Final[tuple[Fault, ...]] = (
    Fault("web killed", _send(signal.SIGKILL), targets=WEBS),
    Fault("web stopped", _send(signal.SIGTERM), targets=WEBS),
    Fault("web frozen", _send(signal.SIGSTOP), _send(signal.SIGCONT), WEBS, (1, 5)),
    Fault("dispatcher killed", _send(signal.SIGKILL), targets=DISPATCHERS),
    Fault("dispatcher stopped", _send(signal.SIGTERM), targets=DISPATCHERS),
    Fault("dispatcher frozen", _send(signal.SIGSTOP), _send(signal.SIGCONT), DISPATCHERS, BEYOND_LEASE),
    Fault("worker killed", _send(signal.SIGKILL), targets=WORKERS, weight=3),
    Fault("worker stopped", _send(signal.SIGTERM), targets=WORKERS),
    Fault("worker frozen", _send(signal.SIGSTOP), _send(signal.SIGCONT), WORKERS, BEYOND_LEASE, 2),
    Fault("all workers killed", _send_to_all(signal.SIGKILL), weight=0.5),
    Fault("supervisor killed", _supervisor(signal.SIGKILL), weight=0.3),
    Fault("supervisor stopped", _supervisor(signal.SIGTERM), weight=0.3),
    Fault("clock wrong", _set_clock, _set_clock_right, (*DISPATCHERS, *WORKERS), (4, 8)),
    Fault("disk full", _fill_disk, _free_disk, MICO, (1, 4), 2),
    Fault("Redis killed", _send(signal.SIGKILL), targets=("redis",)),
    Fault("Redis wiped", _wipe_redis, weight=0.5),
    Fault("Redis flushed", _flush_redis),
    Fault("Redis frozen", _send(signal.SIGSTOP), _send(signal.SIGCONT), ("redis",), (1, 4)),
    Fault("Redis away", _take_away, _bring_back, ("redis",), (1, 5), 0.5),
    Fault("database killed", _send(signal.SIGKILL), targets=("postgresql",), only="postgresql"),
    Fault("database restarted", _send(signal.SIGINT), targets=("postgresql",), only="postgresql"),
    Fault("database shut at once", _send(signal.SIGQUIT), targets=("postgresql",), only="postgresql"),
    Fault("database away", _take_away, _bring_back, ("postgresql",), (1, 4), 0.5, only="postgresql"),
    Fault("database locked", _lock_database, only="sqlite", weight=3),
    Fault("vendor killed", _send(signal.SIGKILL), targets=("emulator",)),
    Fault("vendor away", _take_away, _bring_back, ("emulator",), (1, 4)),
    Fault("vendor frozen", _send(signal.SIGSTOP), _send(signal.SIGCONT), ("emulator",), (1, 5)),
    Fault("429 for everything", _throttle("A0003", "all"), seconds=(0.5, 4), weight=2),
    Fault("429 with Retry-After", _throttle("A0003", "all", True), seconds=(0.5, 4)),
    Fault("429 for submits", _throttle("A0002", "submit"), seconds=(0.5, 4)),
    Fault("429 for polls", _throttle("A0003", "poll"), seconds=(0.5, 4)),
    Fault("few jobs at once", _limit(concurrency=2), _no_limits, seconds=(2, 6)),
    Fault("few requests", _limit(rate=3, burst=2), _no_limits, seconds=(2, 6)),
    Fault("quota used up", _use_up_quota, _buy_usage, seconds=(1, 4)),
    Fault("500 for a submit", _fail("500", "submit")),
    Fault("500 after acceptance", _fail("500", "submit", 1, after=True)),
    Fault("500 for a poll", _fail("500", "poll")),
    Fault("no answer to a submit", _fail("hang", "submit", 1)),
    Fault("no answer after acceptance", _fail("hang", "submit", 1, after=True)),
    Fault("no answer to a poll", _fail("hang", "poll", 1)),
    Fault("line cut in a submit", _fail("drop", "submit", 2)),
    Fault("line cut after acceptance", _fail("drop", "submit", 1, after=True)),
    Fault("line cut in a poll", _fail("drop", "poll", 2)),
    Fault("nonsense for a submit", _fail("garbage", "submit", 1)),
    Fault("nonsense after acceptance", _fail("garbage", "submit", 1, after=True)),
    Fault("nonsense for a poll", _fail("garbage", "poll", 2)),
    Fault("late answer to a submit", _fail("slow", "submit", 1, seconds=2)),
    Fault("late answer to a poll", _fail("slow", "poll", 1, seconds=2)),
    Fault("sign-in fails", _fail("500", "auth", 2)),
    Fault("sign-in cut", _fail("drop", "auth", 2)),
    Fault("token revoked", _revoke_tokens),
    Fault("credentials refused", _refuse_credentials, _fail_no_more, seconds=(1, 4)),
    Fault("vendor slower", _slower),
    Fault("held by hand", _hold, _resume, seconds=(1, 3)),
)
BY_NAME: Final = {fault.name: fault for fault in FAULTS}


def no_pending_faults(world: World) -> None:
    """Cancel the vendor's faults that no request has met yet."""
    _fail_no_more(world, Strike(0, 0, "", "", 0, 0))


def calm(world: World) -> None:
    """End whatever may still be wrong, so that from now on everything has to be well."""
    for name in (*MICO, "redis", "postgresql", "emulator"):
        world.fleet.skew(name, None)
        world.fleet.up(name)
        world.fleet.send(name, signal.SIGCONT)
    for name in MICO:
        world.fleet.fill_disk(name, False)
    no_pending_faults(world)
    strike = Strike(0, 0, "", "", 0, 0)
    _no_limits(world, strike)
    _control(world, "throttle", seconds=0)
    _control(world, "turnaround", seconds=0.3)
    _resume(world, strike)
