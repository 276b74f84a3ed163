"""The schedule of the faults, which follows from its seed, and the execution of it."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tests.chaos.faults import BY_NAME, FAULTS, Fault, Strike, World
from tests.chaos.fleet import Database
from tests.chaos.supervisor import libfaketime

WAVE = 25  # faults, after which there is a pause until work has gone on


def faults_for(database: Database) -> list[Fault]:
    """Return the faults that can be made on this machine with this database."""
    return [
        fault
        for fault in FAULTS
        if not fault.off
        and fault.only in {None, database}
        and (fault.name != "clock wrong" or libfaketime() is not None)
    ]


def schedule(seed: int, count: int, seconds: float, database: Database) -> list[Strike]:
    """Return `count` faults, spread over so many seconds: each kind once if there is room, then by their weights."""
    dice = random.Random(seed)
    kinds = faults_for(database)
    chosen = dice.sample(kinds, min(count, len(kinds)))
    chosen += dice.choices(kinds, [fault.weight for fault in kinds], k=count - len(chosen))
    step = seconds / max(1, count)
    return [
        Strike(
            number=number,
            at_s=round((number + dice.random()) * step, 3),
            fault=fault.name,
            target=dice.choice(fault.targets),
            seconds=round(dice.uniform(*fault.seconds), 2),
            amount=round(dice.uniform(-1, 1), 3),
        )
        for number, fault in enumerate(chosen)
    ]


@dataclass(frozen=True)
class Struck:
    """What became of one strike. Times are Unix seconds; `error` is why it could not be made."""

    strike: Strike
    began: float
    ended: float
    error: str = ""


class Storm:
    """Makes the faults of a schedule, each on a thread of its own, since they overlap."""

    def __init__(self, world: World, strikes: list[Strike]) -> None:
        self._world = world
        self._strikes = strikes

    def waves(self) -> Iterator[list[Struck]]:
        """Make them, WAVE at a time, and yield what became of those once the last of them has ended.

        The next wave begins when the caller asks for it, so that there is time to see work go on.
        """
        for first in range(0, len(self._strikes), WAVE):
            wave = self._strikes[first : first + WAVE]
            start = time.monotonic() - wave[0].at_s
            with ThreadPoolExecutor(WAVE) as threads:
                made: list[Future[Struck]] = []
                for strike in wave:
                    time.sleep(max(0.0, start + strike.at_s - time.monotonic()))
                    made.append(threads.submit(self._strike, strike))
                yield [each.result() for each in made]

    def _strike(self, strike: Strike) -> Struck:
        fault, began, error = BY_NAME[strike.fault], time.time(), ""
        for act in fault.begin, fault.end:
            try:
                act(self._world, strike)
            except Exception as failure:  # a fault that cannot be made must not end the run
                error = f"{type(failure).__name__}: {failure}"
            if act is fault.begin:
                time.sleep(strike.seconds)
        return Struck(strike, began, time.time(), error)
