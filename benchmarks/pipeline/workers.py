"""The workers that are compared: RQ's two ways to run a job, and the poll schedules of the first version.

Each notes, in a file in MICO_DATA, when its jobs were enqueued and begun, and when polls are due.
"""

import time
from datetime import datetime
from typing import Any

import rq.worker
from django.conf import settings
from rq.job import Job
from rq.queue import Queue

from benchmarks.pipeline import notes
from transcription.lifecycle.worker import Worker
from transcription.live.presence import Heartbeat, Role
from transcription.models import Transcription
from transcription.polling import plan, schedule

_next_poll = plan.next_poll


def noted_next_poll(row: Transcription, now: datetime, **fields: Any) -> plan.Poll:
    """Mico's own, noted."""
    then = _next_poll(row, now, **fields)
    notes.write(settings.DATA_DIR, row=row.pk, due=then.at.timestamp())
    return then


plan.next_poll = noted_next_poll


class Noted(rq.worker.BaseWorker):
    """Any of RQ's workers, with its jobs noted."""

    def perform_job(self, job: Job, queue: Queue, *arguments: Any) -> bool:
        """As RQ's."""
        began = time.time()
        done: bool = super().perform_job(job, queue, *arguments)
        enqueued = job.enqueued_at.timestamp() if job.enqueued_at else None
        step = str(job.func_name).rpartition(".")[2]
        notes.write(settings.DATA_DIR, row=job.args[0], step=step, enqueued=enqueued, began=began)
        return done


class InProcess(Noted, Worker):
    """Mico's own."""


class Forking(Noted, rq.worker.Worker):
    """RQ's own: a child for each job. Counted among the living as Mico's is."""

    def work(self, *args: Any, **options: Any) -> bool:
        """As RQ's."""
        heartbeat = Heartbeat(Role.WORKER)
        heartbeat.start()
        try:
            return super().work(*args, **options)
        finally:
            heartbeat.stop()


class EverySecond(InProcess):
    """The schedule of Mico's first version."""

    gap_s = 1.0

    def work(self, *args: Any, **options: Any) -> bool:
        """As Mico's, with a poll each `gap_s`, whatever the budget."""
        gap = self.gap_s
        schedule.next_poll = lambda *_turnaround, age_s, **_rest: age_s + gap
        schedule.stretched = lambda gap_s, asked, budget: gap_s
        return super().work(*args, **options)


class EveryFive(EverySecond):
    """What the vendor advises."""

    gap_s = 5.0
