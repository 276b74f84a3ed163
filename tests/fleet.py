"""Real dispatchers and workers on the test's database, for tests that kill them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.servers import stop
from tests.waiting import patient

ROOT = Path(__file__).parent.parent


class Fleet:
    """Processes that share the test's database and the vendor at `vendor_url`.

    Their leases are short, so that the work of a killed process is soon claimed again, and still long enough that a
    live process on a busy machine renews its own in time.
    """

    def __init__(
        self, vendor_url: str, redis_url: str, *, log: Path | None = None, **environment: str
    ) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = log  # where their output goes, if not to that of the tests
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "mico.settings",
            "MICO_DATA": str(settings.DATA_DIR),
            "REDIS_URL": redis_url,
            "RTZR_BASE_URL": vendor_url,
            "STT_LEASE_SECONDS": str(patient(1)),
            "STT_RETRY_FIRST_SECONDS": "0.1",
            **environment,
        }
        if connection.vendor == "postgresql":
            url, _, _ = settings.DATABASE_URL.rpartition("/")
            self._environment["DATABASE_URL"] = f"{url}/{connection.settings_dict['NAME']}"

    def dispatcher(self) -> "subprocess.Popen[bytes]":
        """Start one more dispatcher."""
        return self._start("manage.py", "dispatch")

    def worker(self) -> "subprocess.Popen[bytes]":
        """Start one more worker."""
        return self._start("manage.py", "rqworker")

    def worker_that_dies(self, where: str) -> "subprocess.Popen[bytes]":
        """Start a worker that SIGKILL ends at a named point (tests/dying_worker.py)."""
        return self._start("-m", "tests.dying_worker", where)

    def deletion_that_dies(self, meeting: int) -> "subprocess.Popen[bytes]":
        """Start the deletion of a meeting that SIGKILL ends before the files go (tests/dying_deletion.py)."""
        return self._start("-m", "tests.dying_deletion", str(meeting))

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        output = None if self._log is None else self._log.open("ab")
        process = subprocess.Popen(
            [sys.executable, *command], env=self._environment, cwd=ROOT, stdout=output, stderr=output
        )
        if output is not None:
            output.close()
        self._processes.append(process)
        return process

    def close(self) -> None:
        """Stop every process that still runs."""
        for process in self._processes:
            stop(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Send SIGKILL, and wait until the process has ended."""
    process.send_signal(signal.SIGKILL)
    process.wait(patient(10))
