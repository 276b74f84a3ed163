"""The RQ worker: jobs in the worker's own process, with a heartbeat that people's pages can rely on.

In-process: a fork for each job costs more than most of the jobs, and throws away the connections to the vendor.
A crash takes the worker along; its supervisor starts another, and the rows come due again by themselves.
"""

from typing import Any

from rq.worker import SimpleWorker

from transcription.live.presence import Heartbeat, Role


class Worker(SimpleWorker):
    """Started by `manage.py rqworker`."""

    def work(self, *args: Any, **options: Any) -> bool:
        """As RQ's, with this process counted among the living meanwhile."""
        heartbeat = Heartbeat(Role.WORKER)
        heartbeat.start()
        try:
            return super().work(*args, **options)
        finally:
            heartbeat.stop()
