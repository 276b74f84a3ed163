"""The dispatcher: claims what is due and hands it to RQ, now. Recovering from a crash is the same query.

A claim pushes `next_action_at` ahead by a lease (compare-and-set), so any number of dispatchers may run, and what
a dead worker held comes due again by itself. RQ's queue is kept short: order and fairness are decided here.
"""

import logging
import signal
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType

import django_rq
import redis
from django.conf import settings
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from transcription.gate import Purpose
from transcription.lifecycle import jobs
from transcription.lifecycle.lease import lease_length
from transcription.live.presence import Heartbeat, Role
from transcription.live.wakeup import Listener
from transcription.models import Meeting, Transcription, TranscriptionQuerySet
from transcription.service.accounts import gate_of
from transcription.sound import uploads

logger = logging.getLogger(__name__)

Status = Transcription.Status

# s. The longest sleep: a wake-up may be lost, and a signal to stop is seen after it.
LOOK_AGAIN = 1.0
# s. While RQ's queue is full: the end of a job wakes us as well.
QUEUE_FULL = 0.1
SWEEP_EVERY = 3600.0  # s
# s. While what is due has to wait for another row (large files): its job's end wakes us as well.
HELD_BACK = 0.1
# s. How often the gate is told which jobs are at the vendor, in case Redis lost that.
ADOPT_EVERY = 60.0

STATUSES = {
    Purpose.POLL: (Status.PROCESSING,),
    Purpose.SUBMIT: (Status.QUEUED, Status.SUBMITTING),
}
JOBS = {Purpose.POLL: jobs.poll, Purpose.SUBMIT: jobs.submit}


@dataclass(frozen=True)
class Claim:
    """A row that is ours until its lease runs out; `number` is what its job must show (lease.py)."""

    transcription_id: int
    number: int
    purpose: Purpose


def due(purpose: Purpose, now: datetime) -> TranscriptionQuerySet:
    """What is to be done now, the most urgent first.

    Polls in the order of their times, submits in turns of the meetings.
    """
    rows = Transcription.objects.filter(status__in=STATUSES[purpose], next_action_at__lte=now)
    if purpose is Purpose.POLL:
        return rows.order_by("next_action_at")
    return rows.in_turns()


def _without_heavy(rows: TranscriptionQuerySet, now: datetime) -> TranscriptionQuerySet:
    """Leaves large files that must be decoded first for later while enough of them are in work."""
    heavy = Q(recording__prepared_at__isnull=True, recording__size_bytes__gt=settings.STT_HEAVY_BYTES)
    in_work = Transcription.objects.filter(heavy, status=Status.QUEUED, next_action_at__gt=now)
    return rows.exclude(heavy) if in_work.count() >= settings.STT_HEAVY_AT_ONCE else rows


def claim(purpose: Purpose, now: datetime, limit: int) -> list[Claim]:
    """Takes at most `limit` due rows. Two dispatchers never get the same one."""
    if limit <= 0:
        return []
    rows = due(purpose, now)
    if purpose is Purpose.SUBMIT:
        rows = _without_heavy(rows, now)
    claims = []
    for pk, meeting, number in list(rows.values_list("pk", "meeting_id", "claim")[:limit]):
        with transaction.atomic():
            ours = Transcription.objects.filter(
                pk=pk, claim=number, status__in=STATUSES[purpose], next_action_at__lte=now
            ).update(claim=F("claim") + 1, next_action_at=now + lease_length())
            if ours and purpose is Purpose.SUBMIT:
                Meeting.objects.filter(pk=meeting).update(served_at=now)
        if ours:
            claims.append(Claim(pk, number + 1, purpose))
    return claims


def at_the_vendor(vendor: str) -> list[str]:
    """The vendor's names of the jobs that it has of us, by the database."""
    rows = Transcription.objects.live().filter(vendor=vendor, status=Status.PROCESSING)
    return list(rows.values_list("vendor_job_id", flat=True))


class Dispatcher:
    """The loop. `step` is one look at the schedule; `run` looks, sleeps until the next due time, and ends cleanly
    on SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self._stopping = False
        self._next_sweep = 0.0
        self._adopt_at = 0.0
        self._queue = django_rq.get_queue("default")

    def step(self) -> float:
        """Hands over what is due. Returns the seconds until something is due next, at most LOOK_AGAIN.

        Raises redis.RedisError and DatabaseError: claims that did not reach RQ come due again with their lease.
        """
        now = timezone.now()
        gate = gate_of(settings.STT_VENDOR)
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_EVERY
            gate.adopt(at_the_vendor(settings.STT_VENDOR))
        room = settings.STT_QUEUE_DEPTH - self._queue.count
        look_again = LOOK_AGAIN
        for purpose in Purpose.POLL, Purpose.SUBMIT:
            allowed = gate.room(purpose)
            claims = claim(purpose, now, min(room, allowed.now))
            for claimed in claims:
                self._enqueue(claimed)
            room -= len(claims)
            soonest = self._next_due(purpose)
            if len(claims) >= allowed.now:
                soonest = max(
                    soonest, allowed.next_in
                )  # what waits for the gate is not due before it has room
            elif soonest <= 0 and not claims:
                soonest = HELD_BACK  # due, and not to be claimed yet
            look_again = min(look_again, soonest)
        return QUEUE_FULL if room <= 0 else max(look_again, 0.0)

    def run(self) -> None:
        """Until told to stop."""
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, self._stop)
        heartbeat = Heartbeat(Role.DISPATCH)
        heartbeat.start()
        try:
            while not self._stopping:
                try:
                    self._listen()
                except (redis.RedisError, DatabaseError) as error:
                    logger.warning("The dispatcher goes on when it can: %s", error)
                    close_old_connections()
                    time.sleep(LOOK_AGAIN / 4)
        finally:
            heartbeat.stop()

    def _listen(self) -> None:
        ear = Listener()
        self._adopt_at = 0.0  # whoever did not answer may have come back empty
        try:
            while not self._stopping:
                ear.wait(self.step())
                self._sweep()
        finally:
            ear.close()

    def _sweep(self) -> None:
        """Throws away unfinished uploads, now and then: nobody else has the time."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_EVERY
        try:
            uploads.sweep()
        except OSError as error:
            logger.warning("Unfinished uploads could not be thrown away: %s", error)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        logger.info("Stopping on %s.", signal.Signals(number).name)
        self._stopping = True

    def _next_due(self, purpose: Purpose) -> float:
        """Seconds until the next row of this purpose is due; 0 or less: one is."""
        rows = Transcription.objects.live().filter(status__in=STATUSES[purpose])
        first = rows.aggregate(first=Min("next_action_at"))["first"]
        return LOOK_AGAIN if first is None else (first - timezone.now()).total_seconds()

    def _enqueue(self, claimed: Claim) -> None:
        self._queue.enqueue(
            JOBS[claimed.purpose],
            claimed.transcription_id,
            claimed.number,
            # A poll frees one of the vendor's slots and gives somebody words: before any submit.
            at_front=claimed.purpose is Purpose.POLL,
            result_ttl=0,
            failure_ttl=int(timedelta(days=1).total_seconds()),
        )
