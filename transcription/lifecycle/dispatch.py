"""The dispatcher: claims the rows that are due (claims.py) and hands them to RQ.

A row whose worker died comes due again when its lease runs out, so recovery from a crash needs no code of its own.
RQ's queue is kept short, because order and fairness are decided here.
"""

import logging
import signal
import threading
import time
from datetime import datetime, timedelta
from types import FrameType

import django_rq
import redis
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from transcription.gate import Purpose
from transcription.lifecycle import jobs, sweep
from transcription.lifecycle.claims import STATUSES, Claim, claim, let_out
from transcription.live.presence import LOOP_SECONDS, Heartbeat, Role
from transcription.live.wakeup import Listener
from transcription.models import Transcription
from transcription.service.accounts import gate_of, pool_of, pools_of
from transcription.service.watch import Watch

logger = logging.getLogger(__name__)

# Longest sleep, in seconds: a wake-up may be lost, and the loop sees a signal to stop only after its sleep.
LOOK_AGAIN = 1.0
# Sleep while RQ's queue is full, in seconds. The end of a job also wakes the dispatcher.
QUEUE_FULL = 0.1
SWEEP_EVERY = 3600.0  # seconds
# Interval in seconds at which the gate is told which jobs the vendor has: Redis may have lost that, or a report.
ADOPT_EVERY = 60.0

JOBS = {Purpose.POLL: jobs.poll, Purpose.SUBMIT: jobs.submit}


def at_the_vendor(vendor: str) -> dict[str, list[str]]:
    """Return the vendor's ids of the jobs that it is processing for us, by pool, according to the database."""
    found: dict[str, list[str]] = {pool: [] for pool in pools_of(vendor)}
    rows = Transcription.objects.live().filter(vendor=vendor, status=Transcription.Status.PROCESSING)
    for pool, language, job in rows.values_list("pool", "language", "vendor_job_id"):
        found.setdefault(pool or pool_of(vendor, language), []).append(job)
    return found


class Dispatcher:
    """The dispatcher's loop.

    `step` looks at the schedule once. `run` repeats it, sleeps until the next row is due, and ends cleanly on
    SIGTERM and SIGINT.
    """

    def __init__(self) -> None:
        self._stopping = False
        self._next_sweep = 0.0
        self._sweeper: threading.Thread | None = None
        self._adopt_at = 0.0
        self._steps = 0
        self._watch = Watch()
        self._queue = django_rq.get_queue("default")

    def step(self) -> float:
        """Claim what is due and enqueue it. Return the seconds to sleep before the next step, at most LOOK_AGAIN.

        Raises redis.RedisError and DatabaseError. A claim that did not reach RQ comes due again when its lease
        runs out.
        """
        now = timezone.now()
        gate = gate_of(settings.STT_VENDOR)
        self._watch.look(gate)
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_EVERY
            known_at = gate.clock()
            gate.reconcile(at_the_vendor(settings.STT_VENDOR), known_at)
            let_out()
        # The first pool could fill RQ's queue alone; so each step begins with another one.
        pools = pools_of(settings.STT_VENDOR)
        self._steps += 1
        first = self._steps % len(pools)
        room = settings.STT_QUEUE_DEPTH - self._queue.count
        look_again = LOOK_AGAIN
        claimed: list[Claim] = []
        submits = [(Purpose.SUBMIT, pool) for pool in (*pools[first:], *pools[:first])]
        for purpose, pool in [(Purpose.POLL, ""), *submits]:
            allowed = gate.room(purpose, pool=pool)
            cap = gate.figures(pool=pool).cap if purpose is Purpose.SUBMIT else None
            claims = claim(purpose, now, min(room, allowed.now), cap, pool)
            claimed += claims
            room -= len(claims)
            soonest = self._next_due(purpose)
            if len(claims) >= allowed.now:
                # A row that waits for the gate cannot be claimed before the gate has room.
                soonest = max(soonest, allowed.next_in)
            elif soonest <= 0 and not claims:
                # Every due row waits for another one. The end of that job wakes us, or a row that comes due.
                soonest = self._next_due(purpose, after=now)
            look_again = min(look_again, soonest)
        self._enqueue(claimed)
        return QUEUE_FULL if room <= 0 else max(look_again, 0.0)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Errors of Redis and the database are logged, and the loop tries again."""
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, self._stop)
        heartbeat = Heartbeat(Role.DISPATCH)
        heartbeat.start()
        try:
            while not self._stopping:
                try:
                    self._listen(heartbeat)
                except (redis.RedisError, DatabaseError) as error:
                    logger.warning("The dispatcher lost Redis or the database, and tries again: %s", error)
                    close_old_connections()
                    time.sleep(LOOK_AGAIN / 4)
        finally:
            heartbeat.stop()

    def _listen(self, heartbeat: Heartbeat) -> None:
        ear = Listener()
        self._adopt_at = 0.0  # after an outage Redis may have come back empty
        Transcription.objects.live().bring_forward()
        try:
            while not self._stopping:
                ear.wait(self.step())
                heartbeat.alive_for(LOOP_SECONDS)
                self._sweep()
        finally:
            ear.close()

    def _sweep(self) -> None:
        """Begin to remove what is left over, once every SWEEP_EVERY seconds. Claims do not wait for it."""
        if time.monotonic() >= self._next_sweep and not (self._sweeper and self._sweeper.is_alive()):
            self._next_sweep = time.monotonic() + SWEEP_EVERY
            self._sweeper = sweep.begin()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        logger.info("Stopping on %s.", signal.Signals(number).name)
        self._stopping = True

    def _next_due(self, purpose: Purpose, after: datetime | None = None) -> float:
        """Return the seconds until the next row for `purpose` is due; 0 or less if one is due already.

        With `after`, only rows that come due after that moment count.
        """
        times: list[datetime | None] = []
        for status in STATUSES[purpose]:  # one by one, each is the first entry of an index
            rows = Transcription.objects.live().filter(status=status)
            if after is not None:
                rows = rows.filter(next_action_at__gt=after)
            times += rows.order_by("next_action_at").values_list("next_action_at", flat=True)[:1]
        first = min(filter(None, times), default=None)
        return LOOK_AGAIN if first is None else (first - timezone.now()).total_seconds()

    def _enqueue(self, claims: list[Claim]) -> None:
        """Hand the claims, in their order, to RQ: files behind what waits there, and the others before it.

        A poll can free one of the vendor's slots, and bring somebody their words; live speech waits for no file.
        """
        front = [claimed for claimed in claims if not claimed.is_file]
        files = [claimed for claimed in claims if claimed.is_file]
        for claimed in [*reversed(front), *files]:
            self._queue.enqueue(
                JOBS[claimed.purpose],
                claimed.transcription_id,
                claimed.number,
                at_front=not claimed.is_file,
                job_timeout=settings.STT_FILE_JOB_SECONDS if claimed.is_file else None,
                result_ttl=0,
                failure_ttl=int(timedelta(days=1).total_seconds()),
            )
