"""The outlook of a recording: its place in the queue, and about how many seconds until its words are there.

One look covers all live transcriptions of a vendor. A process keeps it for two seconds and serves all pages and
callers from it, so the cost does not grow with the number of open pages. No time is given while too few jobs of the
kind are known (unless the vendor tells how far the job is), an administrator holds the gate, the quota is used up,
the credentials are refused, no worker or no dispatcher is alive, or Redis is away.
"""

import heapq
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import redis
from django.conf import settings
from django.utils import timezone

from transcription.gate import GateState, Purpose
from transcription.live import presence
from transcription.live.redis_client import redis_client
from transcription.models import Place, Recording, Transcription, Turn
from transcription.models.turns import NEVER_SERVED, in_turns, next_rows
from transcription.polling import plan
from transcription.service.accounts import file_slots, gate_of, pool_of, pools_of

logger = logging.getLogger(__name__)

Status = Transcription.Status

# Seconds to keep a look, and the least seconds between two looks when a recording is missing from the last one.
KEPT_FOR = 2.0
LEAST = 0.25
# Least number of jobs of the kind for a time to be given.
ENOUGH_SAMPLES = 5.0
# Waiting rows in one look. Those further back get no place and no time.
MOST_WAITING = 1000
# Seconds of audio to assume for a recording that is not measured yet, in the times of those behind it.
UNKNOWN_AUDIO = 10.0


class Outlook(TypedDict):
    """What people are told of a recording.

    `queue_position` is 1 for the one that is sent next, or None if it does not wait to be sent. `eta_s` is the
    seconds until its words are there, or None if no time is given.
    """

    queue_position: int | None
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Job:
    """One live transcription, of a file or of live speech.

    `usual_s` is the median of the seconds until it is done, from now if it is at the vendor, or from when it is sent
    if it waits. `known` says whether that rests on enough jobs, or on what the vendor tells of this one.
    """

    recording: int
    waiting: bool
    purpose: Purpose
    usual_s: float
    known: bool
    file: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """The way to the vendor, for one of its pools.

    `opens_in_s` is the seconds until the gate lets requests of each purpose through, or None if unknown. `pace` is
    the submits/s that the vendor takes and `slots` the jobs at once, each None if no limit is known.
    """

    opens_in_s: dict[Purpose, float | None]
    pace: float | None = None
    slots: int | None = None


NOTHING = Outlook(queue_position=None, eta_s=None)
_looks: dict[str, tuple[float, dict[int, Outlook]]] = {}


def estimate_jobs(jobs: Sequence[Job], way: Way) -> dict[int, Outlook]:
    """Return the outlook of each recording, by its id.

    `jobs` are those of one pool: those at the vendor, followed by those that wait, in the order in which they will be
    sent.
    """
    found: dict[int, Outlook] = {}
    ends = [job.usual_s for job in jobs if not job.waiting]  # when the vendor's occupied slots become free
    heapq.heapify(ends)
    file_ends = [job.usual_s for job in jobs if not job.waiting and job.file]
    heapq.heapify(file_ends)
    place = 0
    for job in jobs:
        opens = way.opens_in_s[job.purpose]
        if not job.waiting:
            eta = None if opens is None else max(opens, job.usual_s)
        else:
            place += 1
            starts = (opens or 0.0) + ((place - 1) / way.pace if way.pace else 0.0)
            if way.slots is not None:
                if job.file:
                    starts = _free(file_ends, file_slots(way.slots), starts)
                starts = _free(ends, max(1, way.slots), starts)
                heapq.heappush(ends, starts + job.usual_s)
                if job.file:
                    heapq.heappush(file_ends, starts + job.usual_s)
            eta = None if opens is None else starts + job.usual_s
        found[job.recording] = Outlook(
            queue_position=place if job.waiting else None,
            eta_s=round(eta, 1) if eta is not None and job.known else None,
        )
    return found


def _free(ends: list[float], slots: int, starts: float) -> float:
    """Return when one of `slots` is free, from `starts` on. Takes those that end by then off the heap `ends`."""
    while len(ends) >= slots:
        starts = max(starts, heapq.heappop(ends))
    return starts


def of_vendor(vendor: str, newer_than_s: float = KEPT_FOR) -> dict[int, Outlook]:
    """Return the outlook of every live recording of this vendor, at most `newer_than_s` seconds old.

    Empty for a vendor that the settings no longer have, because nothing is sent to it.
    """
    if vendor not in settings.STT_VENDORS:
        return {}
    at, found = _looks.get(vendor, (float("-inf"), {}))
    if time.monotonic() - at > newer_than_s:
        jobs = _jobs(vendor, timezone.now())
        sharing = sum(any(job.waiting for job in of_pool) for of_pool in jobs.values())
        found = {}
        for pool, of_pool in jobs.items():
            found |= estimate_jobs(of_pool, _way(vendor, pool, sharing))
        _looks[vendor] = (time.monotonic(), found)
    return found


def of(transcription: Transcription) -> Outlook:
    """Return the outlook of one transcription, or NOTHING if it is finished."""
    if not transcription.is_live:
        return NOTHING
    found = of_vendor(transcription.vendor).get(transcription.recording_id)
    if found is None:
        found = of_vendor(transcription.vendor, LEAST).get(transcription.recording_id, NOTHING)
    if transcription.status != Status.QUEUED:
        return Outlook(queue_position=None, eta_s=found["eta_s"])  # it was sent since the last look
    return found


def forget() -> None:
    """Drop the looks. The next caller looks again."""
    _looks.clear()


def _jobs(vendor: str, now: datetime) -> dict[str, list[Job]]:
    """Return the vendor's jobs by pool, as `estimate_jobs` wants them."""
    live = Transcription.objects.live().filter(vendor=vendor).select_related("recording")
    sent = live.filter(status__in=[Status.SUBMITTING, Status.PROCESSING]).order_by("pk")
    found: dict[str, list[Job]] = {pool: [] for pool in pools_of(vendor)}
    for row in sent:
        found.setdefault(row.pool or pool_of(vendor, row.language), []).append(_job(row, now))
    for pool, places in _waiting(vendor).items():
        rows = [place.row for place in places]
        queued = live.filter(status=Status.QUEUED).in_bulk(rows)
        found[pool] += [_job(queued[pk], now) for pk in rows if pk in queued]
    return found


def _waiting(vendor: str) -> dict[str, list[Place]]:
    """Return, for each pool, the first MOST_WAITING rows that wait, in the order in which they will be sent.

    Those that the dispatcher has not put into their meetings' turns (yet) take their places there: it has not seen
    them, they are claimed, or they pause after an error.
    """
    found: dict[str, list[Place]] = {pool: [] for pool in pools_of(vendor)}
    for pool, places in found.items():
        for kinds in (Turn.Kind.LIVE,), Turn.FILES:
            turns = [turn for kind in kinds for turn in Turn.objects.next(kind, MOST_WAITING, pool)]
            places.extend(next_rows(turns, MOST_WAITING))
    apart = Transcription.objects.live().filter(vendor=vendor, status=Status.QUEUED, turn__isnull=True)
    rows = list(apart.values_list("pk", "meeting_id", "recording__kind", "language")[:MOST_WAITING])
    served = {
        (turn.meeting_id, turn.pool, turn.kind != Turn.Kind.LIVE): turn.served_at
        for turn in Turn.objects.filter(meeting__in={meeting for _, meeting, *_ in rows})
    }
    never = timezone.now() - NEVER_SERVED
    for pk, meeting, kind, language in rows:
        is_file, pool = kind == Recording.Kind.UPLOAD, pool_of(vendor, language)
        found[pool].append(Place(pk, meeting, is_file, served.get((meeting, pool, is_file), never)))
    return {pool: in_turns(places)[:MOST_WAITING] for pool, places in found.items()}


def _job(row: Transcription, now: datetime) -> Job:
    duration_ms = row.recording.duration_ms
    audio_s = UNKNOWN_AUDIO if duration_ms is None else duration_ms / 1000
    turnaround = plan.learned(row.vendor, row.language, audio_s)
    known = duration_ms is not None and turnaround.samples >= ENOUGH_SAMPLES
    processing = row.status == Status.PROCESSING
    accepted_at = row.submitted_at if processing else None
    age_s = 0.0 if accepted_at is None else max(0.0, (now - accepted_at).total_seconds())
    usual_s = turnaround.left(audio_s, age_s)
    told = plan.progress_of(row) if processing else None
    if told is not None and told.speed > 0 and row.seen_running_at is not None:
        usual_s, known = max(0.0, told.left_s(audio_s) - (now - row.seen_running_at).total_seconds()), True
    return Job(
        recording=row.recording_id,
        waiting=row.status == Status.QUEUED,
        purpose=Purpose.POLL if processing else Purpose.SUBMIT,
        usual_s=usual_s,
        known=known,
        file=row.recording.kind == Recording.Kind.UPLOAD,
    )


def _way(vendor: str, pool: str, sharing: int) -> Way:
    """Return the way to the vendor for a pool. `sharing`: in how many pools recordings wait, which share the pace."""
    try:
        gate, figures = gate_of(vendor).state(pool), gate_of(vendor).figures(pool=pool)
        seconds, micro = redis_client().time()
        alive = presence.alive()
    except redis.RedisError as error:
        logger.warning("No estimates while Redis is away: %s", error)
        return Way(dict.fromkeys(Purpose))
    works = alive["workers"] > 0 and alive["dispatchers"] > 0
    now = seconds + micro / 1e6
    return Way(
        {purpose: _opens_in(gate, purpose, now) if works else None for purpose in Purpose},
        # Submits get half of the pace, because each job takes at least one poll too.
        pace=figures.pace and figures.pace / 2 / max(1, sharing),
        slots=figures.cap,
    )


def _opens_in(gate: GateState, purpose: Purpose, now: float) -> float | None:
    if not gate.stops(purpose):
        return 0.0
    if gate.mode == "held" or gate.reason in {"quota", "credentials"} or gate.reopens_at is None:
        return None
    return max(0.0, gate.reopens_at - now)
