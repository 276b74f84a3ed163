"""A whole Mico as real processes: what `make run` starts, with a data directory and ports of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from mico.run.left_behind import holder
from tests.servers import BASE_DIR, Emulator, free_port
from tests.settings import VARIABLES
from tests.waiting import patient, wait_until

READY_SECONDS = patient(30)
STOP_SECONDS = patient(15)


class Mico:
    """The data directory and ports of a Mico, and its processes once it is started."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        self.port = free_port()
        self.emulator_port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.emulator = Emulator(f"http://127.0.0.1:{self.emulator_port}")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in VARIABLES | {"DJANGO_SETTINGS_MODULE", "MAKELEVEL", "MAKEFLAGS", "MFLAGS"}
        } | {
            "MICO_ENV_FILE": os.devnull,
            "MICO_DATA": str(data),
            "PORT": str(self.port),
            "EMULATOR_PORT": str(self.emulator_port),
            "STT_WORKERS": "2",
            "EMULATOR_ENGINE": "pocketsphinx",  # its model is loaded in half the time
            **variables,
        }
        self.process: subprocess.Popen[bytes] | None = None

    # --- starting and stopping

    def launch(self, *command: str) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, without waiting. Its output is readable as `terminal`."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self._terminal.open("wb") as terminal:
            self.process = subprocess.Popen(
                command or [sys.executable, "-m", "mico.run", "--with-parent"],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start(self, *command: str) -> None:
        """Start it and wait until it reports that it is ready. Raises AssertionError if it ends before."""
        process = self.launch(*command)
        wait_until(lambda: self.link or process.poll() is not None)
        assert process.poll() is None, self.terminal

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it by a signal, as Ctrl-C or a service manager does, and return the exit status.

        Raises AssertionError if one of its processes is still running then.
        """
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(STOP_SECONDS)
        assert self.running() == [], "processes were left behind"
        return status

    def end(self) -> None:
        """Stop it, whatever state it is in, and kill what does not stop.

        The supervisor ends first, because it restarts each process that is killed.
        """
        lock = self.data / "run" / "mico.lock"
        supervisor = holder(lock) if lock.exists() else None
        if supervisor:
            with suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGTERM)
            with suppress(AssertionError):
                wait_until(lambda: holder(lock) is None)
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        for name in self.running():
            self.kill(name)

    # --- its processes: redis, emulator, web, dispatch, worker-1, worker-2, …

    def pid(self, name: str) -> int | None:
        """Return the id of the process `name`, or None if it is not running."""
        lock = self.data / "run" / f"{name}.pid"
        return holder(lock) if lock.exists() else None

    def running(self) -> list[str]:
        """Return the names of the processes that are alive."""
        locks = sorted((self.data / "run").glob("*.pid"))
        return [lock.stem for lock in locks if holder(lock) is not None]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process and its children. The supervisor then restarts it."""
        pid = self.pid(name)
        if pid:
            os.killpg(pid, number)

    def restart(self, name: str) -> None:
        """Kill a process and wait until the supervisor has restarted it."""
        before = self.pid(name)
        assert before, f"{name} is not running"
        self.kill(name)
        wait_until(lambda: self.pid(name) not in (None, 0, before))

    def ready(self) -> bool:
        """Return whether /readyz answers 200."""
        try:
            return requests.get(f"{self.base_url}/readyz", timeout=patient(15)).status_code == 200
        except requests.RequestException:
            return False

    # --- using it

    @property
    def _terminal(self) -> Path:
        return self.data / "terminal.txt"

    @property
    def terminal(self) -> str:
        """Everything that it has written to its terminal so far."""
        return self._terminal.read_text() if self._terminal.exists() else ""

    @property
    def link(self) -> str:
        """The sign-in link that it has printed, empty until then."""
        found = re.search(r"http://localhost:\d+/\S+", self.terminal)
        return found[0] if found and "Stop:" in self.terminal else ""

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run manage.py against it. Raises subprocess.CalledProcessError if `check` and the command fails."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=patient(30),
            check=check,
        )

    def token(self, username: str = "tester") -> str:
        """Return a bearer token of a user, who is created if need be."""
        return self.manage("apitoken", username, "--create").stdout.strip()

    def signin_link(self, username: str) -> str:
        """Return a new one-time sign-in link of an existing user."""
        program = (
            "from django.contrib.auth.models import User; from mico.accounts.links import signin_link;"
            f"print(signin_link(User.objects.get(username={username!r})))"
        )
        return self.base_url + self.manage("shell", "--no-imports", "-c", program).stdout.strip()

    def api(self, method: str, path: str, token: str, **arguments: Any) -> requests.Response:
        """Send a request to /api/v1`path` and return the response."""
        url = f"{self.base_url}/api/v1{path}"
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, url, headers=headers, timeout=patient(15), **arguments)


@contextmanager
def a_mico(**variables: str) -> Iterator[Mico]:
    """Yield a Mico that is not started yet. Its processes and data are removed afterwards."""
    # Not below pytest's directories, because the path of a Unix socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="mico-run-")).resolve()
    mico = Mico(folder, **variables)
    try:
        yield mico
    finally:
        mico.end()
        shutil.rmtree(folder, ignore_errors=True)
