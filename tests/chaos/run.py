"""One run: a fleet, its load, its people, the faults, and then the question whether everything is well."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import requests

from tests.chaos.checker import End, Extras, Problem, Turn, explained, grown, problems
from tests.chaos.clients import Clients
from tests.chaos.faults import World, calm, no_pending_faults
from tests.chaos.fleet import Database, Fleet, a_fleet
from tests.chaos.journal import Journal
from tests.chaos.people import People
from tests.chaos.schedule import Storm, Struck, schedule
from tests.chaos.sockets import Sockets
from tests.servers import BASE_DIR
from tests.waiting import patient, wait_until

TURNAROUND = 0.3  # seconds of the vendor for each job
GOES_ON = 5.0  # seconds for which the load goes on after the last fault
SAMPLE_SECONDS = 2.0
SILENCE = 10.0  # seconds without a line that the report names
ROUNDS = 3  # how often Retry is pressed at what failed
# Pages look every 20 s, and some things are put right by a clock: the checker looks again for so long.
SETTLE_SECONDS = 60.0
SETTLES = frozenset({"socket", "book", "orphan", "permits", "episodes"})


@dataclass
class Outcome:
    """What a run has found. Times are in seconds; `recoveries`: from the end of each wave of
    faults until the next line, None if there was none."""

    database: Database
    seed: int
    struck: list[Struck] = field(default_factory=list)
    confirmed: int = 0
    sent: int = 0
    acts: dict[str, int] = field(default_factory=dict)
    by_person: Counter[str] = field(default_factory=Counter)  # what waited for a person, by its reason
    extras: Extras = field(default_factory=Extras)
    recoveries: list[float | None] = field(default_factory=list)
    drained_s: float | None = None
    next_line: list[tuple[str, float]] = field(default_factory=list)  # seconds after each fault's end
    problems: list[Problem] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)  # the gate's history
    swept: int = 0  # files that the sweep removed
    silences: list[tuple[float, float]] = field(default_factory=list)  # (Unix seconds, length) without a line


class Reader:
    """The process that tells what is there (ending.py)."""

    def __init__(self, fleet: Fleet) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.ending"],
            cwd=BASE_DIR,
            env=fleet.environment | {"DJANGO_SETTINGS_MODULE": "mico.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, what: str) -> dict[str, Any]:
        """Return the answer to a word that ending.py knows. Raises RuntimeError if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The reader of the database has ended.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def _sampled(fleet: Fleet) -> Iterator[list[tuple[str, int, float]]]:
    """Collect the memory of Mico's processes while the block runs."""
    samples: list[tuple[str, int, float]] = []
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            samples.extend((name, pid, size) for name, (pid, size) in fleet.memory().items())

    thread = threading.Thread(target=sample, name="memory")
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def run(
    database: Database,
    seed: int,
    count: int,
    seconds: float,
    *,
    tell: Callable[[str], None],
    keep_logs: bool = False,
) -> Outcome:
    """Make `count` faults within `seconds`, and return what was found. `tell` is given lines to print."""
    outcome = Outcome(database, seed)
    strikes = schedule(seed, count, seconds, database)
    tell(f"chaos: SEED={seed} FAULTS={count} MINUTES={seconds / 60:g} DATABASE={database}")
    for strike in strikes:
        tell(str(strike))
    journal = Journal()
    with a_fleet(database, keep=("log",) if keep_logs else ()) as fleet:
        site = fleet.populate()
        fleet.emulator.turnaround(seconds=TURNAROUND)
        reader, sockets = Reader(fleet), Sockets(fleet.webs, site)
        people = People(fleet.webs, site, journal, sockets.watch, seed)
        clients = Clients(fleet.webs, site.token, journal, people.meetings, seed)
        world = World(fleet, people)
        sockets.start()
        people.start()
        clients.start()
        try:
            wait_until(lambda: reader.ask("progress")["last_done"] > 0, 30)
            with _sampled(fleet) as samples:
                for wave in Storm(world, strikes).waves():
                    outcome.struck += wave
                    no_pending_faults(world)
                    outcome.recoveries.append(_recovery(reader, max(each.ended for each in wave)))
                    last = outcome.recoveries[-1]
                    tell(f"chaos: {len(outcome.struck)} faults, the next line after {last} s")
                calm(world)
                calm_at = time.time()
                time.sleep(GOES_ON)
            people.stop()
            clients.stop(patient(15))
            outcome.drained_s = _drain(reader, people, outcome, calm_at)
            # What processes that were killed have left behind; the dispatcher sweeps it once an hour.
            outcome.swept = reader.ask("sweep").get("removed", 0)
            _judge(fleet, reader, journal, sockets, outcome)
            outcome.problems += grown(samples)
        finally:
            clients.giving_up.set()
            clients.stopping.set()
            people.stop()
            sockets.stop()
            reader.close()
    outcome.acts = journal.acts
    outcome.confirmed = sum(sound.recording is not None for sound in journal.sounds.values())
    outcome.sent = len(journal.sounds)
    return outcome


def _recovery(reader: Reader, since: float) -> float | None:
    """Return the seconds from `since` until the next transcription was done; None if none was in time."""
    try:
        wait_until(lambda: reader.ask("progress")["last_done"] > since, 15, interval=0.2)
    except AssertionError:
        return None
    return time.time() - since


def _at_rest(reader: Reader) -> bool:
    """Wait until nothing is under way, for as long as there are new lines. Return whether it came to that.

    A vendor that said "too many jobs" is sent few at a time for minutes, so that the time by itself says nothing.
    """
    last, since = 0.0, time.monotonic()
    while (seen := reader.ask("progress"))["live"]:
        if seen["last_done"] > last:
            last, since = seen["last_done"], time.monotonic()
        if time.monotonic() - since > patient(15):
            return False
        time.sleep(0.5)
    return True


def _drain(reader: Reader, people: People, outcome: Outcome, since: float) -> float | None:
    """Wait until nothing is under way, and press Retry at what waits for a person. Return the seconds it took."""
    for round_ in range(ROUNDS + 1):
        if not _at_rest(reader):
            return None
        waiting = reader.ask("progress")["waiting"]
        if not waiting or round_ == ROUNDS:
            break
        for recording, code in waiting:
            if round_ == 0:
                outcome.by_person[code or "cancelled"] += 1
            try:
                people.press_retry(recording)
            except requests.RequestException as error:
                outcome.problems.append(Problem("stuck", f"Retry at {recording}: {error}"))
    return time.time() - since


def _judge(fleet: Fleet, reader: Reader, journal: Journal, sockets: Sockets, outcome: Outcome) -> None:
    """Compare everything with everything; look again while what is wrong may still be put right by a clock."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        answer = requests.get(f"{fleet.emulator.base_url}/control/jobs", timeout=30).json()
        jobs = [(job["id"], job["sha256"]) for job in answer["jobs"]]
        end = End.of(reader.ask("everything"), jobs, sockets.pages)
        found = problems(journal, end)
        if not any(problem.kind in SETTLES for problem in found) or time.monotonic() > deadline:
            break
        time.sleep(2)
    outcome.problems += found
    outcome.extras, _ = explained(journal, end)
    outcome.turns = end.gate_events
    done = sorted(row.finished_at for row in end.transcriptions if row.status == "done")
    outcome.silences = [(a, b - a) for a, b in pairwise(done) if b - a > SILENCE]
    for struck in outcome.struck:
        later = next((at for at in done if at > struck.ended), None)
        if later is not None:
            outcome.next_line.append((struck.strike.fault, later - struck.ended))
