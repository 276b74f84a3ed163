"""The RQ worker. It runs jobs in its own process, and sends the heartbeat that people's pages rely on.

Forking for each job would cost more than most of the jobs, and would throw away the connections to the vendor.
A crash takes the worker with it: its supervisor starts another, and the rows come due again.

While Redis is away the worker waits for it, and goes on within RETRY_SECONDS of its return. RQ's own worker doubles
its waits up to a minute, and ends when it loses Redis between two jobs.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from rq.job import Job
from rq.queue import Queue
from rq.worker import SimpleWorker

from transcription.live.presence import LOOP_SECONDS, Heartbeat, Role

# Longest wait for a job in one call of Redis, in seconds. In between, the loop shows that it is alive.
WAIT_SECONDS = 2
# Pause between two attempts to reach Redis, in seconds.
RETRY_SECONDS = 1.0

AWAY = (redis.ConnectionError, redis.TimeoutError)
Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


def patiently(act: Callable[[], Answer]) -> Answer:
    """Return what `act` returns, calling it again while Redis is unavailable."""
    while True:
        try:
            return act()
        except AWAY as error:
            logger.warning("Waiting for Redis, which is unavailable: %s", error)
            time.sleep(RETRY_SECONDS)


class Worker(SimpleWorker):
    """RQ's worker without forks, with a heartbeat, that outlives Redis. `manage.py rqworker` starts it."""

    # Of RQ's own wait when it loses Redis while it waits for a job.
    exponential_backoff_factor = 1.0
    max_connection_wait_time = RETRY_SECONDS

    _presence: Heartbeat | None = None

    @property
    def dequeue_timeout(self) -> int:
        """Seconds to wait for a job in one call of Redis."""
        return WAIT_SECONDS

    @property
    def connection_timeout(self) -> int:
        """Seconds after which a call of Redis without an answer fails."""
        return WAIT_SECONDS + 5

    def work(self, *args: Any, **options: Any) -> bool:
        """Run jobs as RQ's `SimpleWorker` does, and send the heartbeat meanwhile."""
        patiently(self.connection.ping)
        self._presence = Heartbeat(Role.WORKER)
        self._presence.start()
        try:
            return super().work(*args, **options)
        finally:
            self._presence.stop()

    def heartbeat(self, *args: Any, **options: Any) -> None:
        """Send RQ's own heartbeat, which its loop does each time it comes round. If Redis is away, do nothing."""
        try:
            super().heartbeat(*args, **options)
        except AWAY as error:
            logger.debug("RQ's heartbeat was not sent: %s", error)
        else:
            self._alive_for(LOOP_SECONDS)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job. Its outcome is in the database, so nothing is lost if Redis is not told of its end."""
        self._alive_for((job.timeout or 0) + LOOP_SECONDS)
        try:
            super().execute_job(job, queue)
        except AWAY as error:
            logger.warning("Redis was not told of the end of job %s: %s", job.id, error)
            self.executions.clear()

    def check_for_suspension(self, burst: bool) -> None:
        """Wait while `rq suspend` holds, and while Redis is away."""
        patiently(lambda: super(Worker, self).check_for_suspension(burst))

    def run_maintenance_tasks(self) -> None:
        """Clean RQ's registries; later, if Redis is away."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except AWAY as error:
            logger.debug("RQ's registries were not cleaned: %s", error)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job, and for Redis while it is away."""
        return patiently(
            lambda: super(Worker, self).dequeue_job_and_maintain_ttl(timeout, max_idle_time=max_idle_time)
        )

    def set_shutdown_requested_date(self) -> None:
        """Tell Redis that this worker will stop after its job. Runs in a signal's handler, so it must not raise."""
        try:
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]
        except AWAY as error:
            logger.debug("RQ was not told that this worker stops: %s", error)

    def teardown(self) -> None:
        """Take leave of RQ. What Redis is not told expires."""
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except AWAY as error:
            logger.info("RQ was not told that this worker has stopped: %s", error)

    def _alive_for(self, seconds: float) -> None:
        if self._presence is not None:
            self._presence.alive_for(seconds)
