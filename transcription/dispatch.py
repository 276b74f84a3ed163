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
from django.db.models import F, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from transcription import jobs
from transcription.gate import GateState, Purpose
from transcription.lease import lease_length
from transcription.models import Meeting, Transcription
from transcription.presence import Heartbeat, Role
from transcription.redis_client import redis_client
from transcription.wakeup import Listener
from transcription.workflow import gate_of

logger = logging.getLogger(__name__)

Status = Transcription.Status

# s. The longest sleep: a wake-up may be lost, and a signal to stop is seen after it.
LOOK_AGAIN = 1.0
# s. While RQ's queue is full: the end of a job wakes us as well.
QUEUE_FULL = 0.1

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


def due(purpose: Purpose, now: datetime) -> QuerySet[Transcription]:
    """What is to be done now, the most urgent first.

    Polls in the order of their times. Submits in turns: the first of each meeting, then the second of each, and
    among equals the meeting that was served longest ago.
    """
    rows = Transcription.objects.filter(status__in=STATUSES[purpose], next_action_at__lte=now)
    if purpose is Purpose.POLL:
        return rows.order_by("next_action_at")
    turn = Window(RowNumber(), partition_by="meeting_id", order_by="id")
    return rows.annotate(turn=turn).order_by("turn", F("meeting__served_at").asc(nulls_first=True), "id")


def _without_heavy(rows: QuerySet[Transcription], now: datetime) -> QuerySet[Transcription]:
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


class Dispatcher:
    """The loop. `step` is one look at the schedule; `run` looks, sleeps until the next due time, and ends cleanly
    on SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self._stopping = False
        self._queue = django_rq.get_queue("default")

    def step(self) -> float:
        """Hands over what is due. Returns the seconds until something is due next, at most LOOK_AGAIN.

        Raises redis.RedisError and DatabaseError: claims that did not reach RQ come due again with their lease.
        """
        now = timezone.now()
        gate = gate_of(settings.STT_VENDOR).state()
        # The gate's times are on the clock of Redis, and this machine's may be another.
        seconds, micro = redis_client().time()
        gate_opens_in = None if gate.reopens_at is None else gate.reopens_at - seconds - micro / 1e6
        room = settings.STT_QUEUE_DEPTH - self._queue.count
        for purpose in Purpose.POLL, Purpose.SUBMIT:
            for claimed in claim(purpose, now, min(room, self._may_start(gate, gate_opens_in, purpose))):
                self._enqueue(claimed)
                room -= 1
        if room <= 0:
            return QUEUE_FULL
        return min(self._next_due(gate, gate_opens_in, purpose) for purpose in Purpose)

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
        try:
            while not self._stopping:
                ear.wait(self.step())
        finally:
            ear.close()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        logger.info("Stopping on %s.", signal.Signals(number).name)
        self._stopping = True

    def _may_start(self, gate: GateState, gate_opens_in: float | None, purpose: Purpose) -> int:
        """How many requests of this purpose make sense now. With the gate closed: one, when its time has come."""
        if not gate.stops(purpose):
            return settings.STT_QUEUE_DEPTH
        its_time_has_come = gate_opens_in is not None and gate_opens_in <= 0
        return 1 if gate.mode == "blocked" and its_time_has_come else 0

    def _next_due(self, gate: GateState, gate_opens_in: float | None, purpose: Purpose) -> float:
        """Seconds, 0 … LOOK_AGAIN. What waits for the gate is not due before the gate is."""
        rows = Transcription.objects.live().filter(status__in=STATUSES[purpose])
        first = rows.aggregate(first=Min("next_action_at"))["first"]
        if first is None:
            return LOOK_AGAIN
        wait: float = (first - timezone.now()).total_seconds()
        if gate.stops(purpose):
            wait = max(wait, LOOK_AGAIN if gate_opens_in is None else gate_opens_in)
            # Its time has come, and the one probe is out: the next thing to happen wakes us.
            wait = LOOK_AGAIN if wait <= 0 else wait
        return max(0.0, min(wait, LOOK_AGAIN))

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
