"""Many jobs at once under one budget of polls: live clips while files are in work, and one account for all.

Whatever the schedule, a poll that exceeds the budget waits for its turn, in the order in which polls are due; Mico's
schedule knows the budget and stretches its gaps.
"""

import heapq
import math
import random
from dataclasses import dataclass

from benchmarks.polling.single import Tally, learned
from benchmarks.polling.worlds import BASELINES, Schedule, World
from transcription.polling import schedule
from transcription.polling.turnaround import Seen, Turnaround, learn

BUDGET = 8.0  # polls/s
CLIPS_PER_S = 4.0
FILES = 30  # in work all the time: one that is done is followed by another
SECONDS = 600.0


@dataclass
class Job:
    """One at the vendor."""

    kind: str
    accepted: float
    took: float
    times: Schedule
    age: float = 0.0
    planned: float = 0.0
    polls: int = 0
    rate: float = 0.0


def run(clips: World, files: World, seed: int) -> dict[str, dict[str, float]]:
    """Who → figures of clips and files, and the polls/s made."""
    known = {world.name: _learned(world, seed) for world in (clips, files)}
    found = {}
    for who in ("Mico", *BASELINES):
        found[who] = _run(who, {"clips": clips, "files": files}, known, random.Random(seed))
    return found


def _learned(world: World, seed: int) -> Turnaround:
    draw = random.Random(seed + 1)
    scatter = world.scatter()
    seen = []
    for _ in range(200):
        audio_s = world.length(draw)
        took = world.middle(audio_s) * draw.choice(scatter)
        seen.append(Seen(audio_s, 0.9 * took, 1.1 * took))
    return learn(seen, math.sqrt(world.audio[0] * world.audio[1]))


def _run(
    who: str, worlds: dict[str, World], known: dict[str, Turnaround], draw: random.Random
) -> dict[str, float]:
    scatter = {kind: world.scatter() for kind, world in worlds.items()}
    tallies = {kind: Tally() for kind in worlds}
    queue: list[tuple[float, int, Job | None]] = []  # (time, order, job); None: a clip is accepted
    order, free_at, polls_made, asked, now = 0, 0.0, 0, 0.0, 0.0

    def accept(kind: str, at: float) -> None:
        nonlocal order
        world = worlds[kind]
        audio_s = world.length(draw)
        took = world.middle(audio_s) * draw.choice(scatter[kind])
        times = BASELINES.get(who) or learned(known[world.name], audio_s, order)
        plan(Job(kind, at, took, times), at)

    def plan(job: Job, at: float) -> None:
        nonlocal order, asked
        asked -= job.rate
        job.planned = job.times(job.age, job.polls)
        gap = job.planned - job.age
        if who == "Mico":
            job.rate = schedule.rate(gap)
            asked += job.rate
            gap = schedule.stretched(gap, asked, BUDGET)
        order += 1
        heapq.heappush(queue, (max(at, job.accepted + job.age + gap), order, job))

    for _ in range(FILES):
        accept("files", 0.0)
    heapq.heappush(queue, (0.0, 0, None))
    while now < SECONDS:
        now, _, job = heapq.heappop(queue)
        if job is None:
            accept("clips", now)
            order += 1
            heapq.heappush(queue, (now + draw.expovariate(CLIPS_PER_S), order, None))
            continue
        sent = max(now, free_at)
        free_at = sent + 1 / BUDGET
        polls_made += 1
        job.polls += 1
        job.age = sent - job.accepted
        if job.age < job.took:
            plan(job, sent)
            continue
        asked -= job.rate
        tallies[job.kind].add(job.polls, job.age - job.took, 0.0)
        if job.kind == "files":
            accept("files", sent)
    return {
        "polls_per_s": round(polls_made / max(now, free_at), 2),
        **{f"{kind}_done": tally.jobs for kind, tally in tallies.items()},
        **{
            f"{kind}_lag_s": round(tally.lag / tally.jobs, 2) if tally.jobs else math.inf
            for kind, tally in tallies.items()
        },
    }
