"""The RQ worker. It runs jobs in its own process, and sends the heartbeat that people's pages rely on.

Forking for each job would cost more than most of the jobs, and would throw away the connections to the vendor.
A crash takes the worker with it: its supervisor starts another, and the rows come due again.
"""

from typing import Any

from rq.worker import SimpleWorker

from transcription.live.presence import Heartbeat, Role


class Worker(SimpleWorker):
    """RQ's worker without forks, with a heartbeat. `manage.py rqworker` starts it."""

    def work(self, *args: Any, **options: Any) -> bool:
        """Run jobs as RQ's `SimpleWorker` does, and send the heartbeat meanwhile."""
        heartbeat = Heartbeat(Role.WORKER)
        heartbeat.start()
        try:
            return super().work(*args, **options)
        finally:
            heartbeat.stop()
