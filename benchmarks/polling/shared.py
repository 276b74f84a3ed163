"""Many jobs at once under one budget of polls: live clips beside files, on one vendor account.

A poll that exceeds the budget waits for its turn, in order of due time, whatever the schedule. Only Mico's schedule
knows the budget and stretches its gaps.
"""

import heapq
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.polling.schedules import LEARNERS, MICO, RULES, Learner, Schedule
from benchmarks.polling.single import Tally, poll
from benchmarks.polling.worlds import World
from transcription.polling import schedule
from transcription.polling.turnaround import Seen

BUDGET = 8.0  # polls/s
CLIPS_PER_S = 4.0
FILES = 30  # Always in progress: a finished file is replaced by another.
SECONDS = 600.0
HISTORY = 200  # Jobs of each kind that a learner has seen before.


@dataclass
class Job:
    """A job at the vendor. Times are in seconds; `age` and `took` count from its acceptance."""

    kind: str
    accepted: float
    took: float
    times: Schedule
    age: float = 0.0
    planned: float = 0.0
    polls: int = 0
    rate: float = 0.0  # polls/s that it asks of the budget


def run(clips: World, files: World, seed: int, seconds: float = SECONDS) -> dict[str, dict[str, float]]:
    """Return for each schedule the polls per second, and the number of jobs and mean lag of clips and of files."""
    worlds = {"clips": clips, "files": files}
    found = {}
    for name in (*LEARNERS, *RULES):
        learners = {}
        if name in LEARNERS:
            learners = {kind: _taught(LEARNERS[name](world), world, seed) for kind, world in worlds.items()}
        found[name] = _run(name, worlds, learners, random.Random(seed), seconds)
    return found


def _taught(learner: Learner, world: World, seed: int) -> Learner:
    draw = random.Random(seed + 1)
    scatter = world.scatter()
    for number in range(HISTORY):
        audio_s = world.length(draw)
        took_s = world.middle(audio_s) * draw.choice(scatter)
        _, lag, running_s = poll(learner.schedule(audio_s, number), took_s)
        learner.record(Seen(audio_s, running_s, took_s + lag))
    return learner


def _run(
    name: str,
    worlds: Mapping[str, World],
    learners: Mapping[str, Learner],
    draw: random.Random,
    seconds: float,
) -> dict[str, float]:
    scatter = {kind: world.scatter() for kind, world in worlds.items()}
    tallies = {kind: Tally() for kind in worlds}
    queue: list[tuple[float, int, Job | None]] = []  # (time, order, job); without a job: a clip is accepted
    order, free_at, polls_made, asked, now = 0, 0.0, 0, 0.0, 0.0

    def accept(kind: str, at: float) -> None:
        world = worlds[kind]
        audio_s = world.length(draw)
        took = world.middle(audio_s) * draw.choice(scatter[kind])
        times = learners[kind].schedule(audio_s, order) if learners else RULES[name]
        plan(Job(kind, at, took, times), at)

    def plan(job: Job, at: float) -> None:
        nonlocal order, asked
        asked -= job.rate
        job.planned = job.times(job.age, job.polls)
        gap = job.planned - job.age
        if name == MICO:
            job.rate = schedule.rate(gap)
            asked += job.rate
            gap = schedule.stretched(gap, asked, BUDGET)
        order += 1
        heapq.heappush(queue, (max(at, job.accepted + job.age + gap), order, job))

    for _ in range(FILES):
        accept("files", 0.0)
    heapq.heappush(queue, (0.0, 0, None))
    while now < seconds:
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
