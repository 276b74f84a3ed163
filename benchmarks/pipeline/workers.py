"""The workers that are compared: in-process and forking ones, and ones with a fixed poll schedule.

Each worker notes when its jobs were enqueued and started, and when polls are due (notes.py).
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
    """Plan a poll as Mico does, and note when it is due."""
    then = _next_poll(row, now, **fields)
    notes.write(settings.DATA_DIR, row=row.pk, due=then.at.timestamp())
    return then


plan.next_poll = noted_next_poll


class Noted(rq.worker.BaseWorker):
    """An RQ worker that notes its jobs."""

    def perform_job(self, job: Job, queue: Queue, *arguments: Any) -> bool:
        began = time.time()
        done: bool = super().perform_job(job, queue, *arguments)
        enqueued = job.enqueued_at.timestamp() if job.enqueued_at else None
        step = str(job.func_name).rpartition(".")[2]
        notes.write(settings.DATA_DIR, row=job.args[0], step=step, enqueued=enqueued, began=began)
        return done


class InProcess(Noted, Worker):
    """Mico's own worker, which runs jobs in its own process."""


class Forking(Noted, rq.worker.Worker):
    """RQ's own worker, which forks a child for each job. It reports its presence as Mico's does."""

    def work(self, *args: Any, **options: Any) -> bool:
        heartbeat = Heartbeat(Role.WORKER)
        heartbeat.start()
        heartbeat.alive_for(3600)
        try:
            return super().work(*args, **options)
        finally:
            heartbeat.stop()


class EverySecond(InProcess):
    """A poll every `gap_s` seconds, whatever the budget. This is the schedule of Mico's first version."""

    gap_s = 1.0

    def work(self, *args: Any, **options: Any) -> bool:
        gap = self.gap_s
        schedule.next_poll = lambda *_turnaround, age_s, **_rest: age_s + gap
        schedule.stretched = lambda gap_s, asked, budget: gap_s
        return super().work(*args, **options)


class EveryFive(EverySecond):
    """The schedule that the vendor advises."""

    gap_s = 5.0
