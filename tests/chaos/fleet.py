"""Two of everything, as real processes: what the faults strike."""

import json
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import redis
import requests

from mico.run.left_behind import end_left_behind, holder
from mico.run.redis_server import NOT_FOUND, find_redis_server
from tests.chaos.postgresql import Cluster
from tests.servers import BASE_DIR, Emulator, free_port
from tests.settings import TEST_DATA, VARIABLES
from tests.waiting import patient, wait_until

Database = Literal["sqlite", "postgresql"]

WEBS = ("web-1", "web-2")
DISPATCHERS = ("dispatch-1", "dispatch-2")
WORKERS = ("worker-1", "worker-2", "worker-3")
MICO = (*WEBS, *DISPATCHERS, *WORKERS)
LEASE_SECONDS = 4.0

# Creates a person who may do everything and meetings of theirs, and prints how to act as that person.
SITE = """
import json
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from transcription.people import tokens
from transcription.people.meetings import create_meeting
user = User.objects.create_superuser("mina")
client = Client()
client.force_login(user)
name = settings.SESSION_COOKIE_NAME
print(json.dumps({
    "token": tokens.make(user),
    "cookies": {name: client.cookies[name].value},
    "meetings": [create_meeting(user, f"Meeting {n}", "en").pk for n in range(4)],
}))
"""


@dataclass(frozen=True)
class Site:
    """How to act as the one person of the fleet: a bearer token, the cookies of a session, and their meetings."""

    token: str
    cookies: dict[str, str]
    meetings: list[int]


class Fleet:
    """The processes, under a supervisor that is itself started again when it ends. `folder` holds all their data."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database: Database = database
        self.ports = {name: free_port() for name in (*WEBS, "emulator")}
        self.webs = [f"http://127.0.0.1:{self.ports[name]}" for name in WEBS]
        self.emulator = Emulator(f"http://127.0.0.1:{self.ports['emulator']}")
        self.redis_socket = folder / "redis.sock"
        self._cluster = Cluster(folder / "pg") if database == "postgresql" else None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._keep_supervised, name="supervised", daemon=True)
        self.environment = self._environment()

    # --- starting and stopping

    def start(self) -> None:
        """Start everything, and wait until both web processes say that they are ready."""
        for name in ("run", "down", "skew", "log", "redis", "vendor"):
            (self.folder / name).mkdir()
        if self._cluster is not None:
            self.folder.chmod(0o711)  # the user postgres has to reach its own folder
            self._cluster.make()
        for name in MICO:
            self.down(name)  # until the tables are there
        (self.folder / "programs.json").write_text(json.dumps(dict(self._programs())))
        self._supervise()
        self._watch.start()
        if self._cluster is not None:
            self._cluster.create_database()
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        for name in MICO:
            self.up(name)
        wait_until(lambda: all(self.is_ready(web) for web in self.webs), 60)

    def populate(self) -> Site:
        """Create a person with some meetings."""
        made = json.loads(self.manage("shell", "--no-imports", "-c", SITE))
        return Site(made["token"], made["cookies"], made["meetings"])

    def close(self) -> None:
        """End everything, whatever state it is in."""
        self._closing.set()
        with self._lock:
            if self._supervisor is not None:
                self._supervisor.kill()
                self._supervisor.wait()
        for name in self.running():
            self.send(name, signal.SIGCONT)
        with suppress(TimeoutError):
            end_left_behind(self.folder / "run")

    def is_ready(self, web: str) -> bool:
        """Whether this web process, and all that it depends on, is ready."""
        try:
            return requests.get(f"{web}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def manage(self, *arguments: str) -> str:
        """Run manage.py against the fleet's database, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {done.stderr[-2000:]}")
        return done.stdout

    # --- its processes

    def pid(self, name: str) -> int | None:
        """Return the id of the process (and group) `name`, or None if it does not run."""
        lock = self.folder / "run" / f"{name}.pid"
        return (holder(lock) if lock.exists() else None) or None

    def running(self) -> list[str]:
        """Return the names of the processes that run."""
        return [lock.stem for lock in sorted((self.folder / "run").glob("*.pid")) if self.pid(lock.stem)]

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process and its children. Return whether there was one."""
        pid = self.pid(name)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
            return True
        return False

    def down(self, name: str) -> None:
        """Keep the supervisor from starting a program."""
        (self.folder / "down" / name).touch()

    def up(self, name: str) -> None:
        """Undo `down`."""
        (self.folder / "down" / name).unlink(missing_ok=True)

    def skew(self, name: str, seconds: float | None) -> None:
        """Give a program's next start a clock that is wrong by so many seconds. None: the right one."""
        path = self.folder / "skew" / name
        path.unlink(missing_ok=True) if seconds is None else path.write_text(str(seconds))

    def fill_disk(self, name: str, full: bool) -> None:
        """Let no file of a process grow any more, or let them grow again.

        A write then fails with EFBIG, where a full disk says ENOSPC. A real full disk would need a file system of
        its own, and so root.
        """
        pid = self.pid(name)
        if pid is not None:
            _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))

    def send_to_supervisor(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor alone. It is started again once it has ended."""
        with self._lock:
            if self._supervisor is not None and self._supervisor.poll() is None:
                self._supervisor.send_signal(number)

    def connection(self) -> "redis.Redis":
        """Return a connection to the fleet's Redis."""
        return redis.Redis(unix_socket_path=str(self.redis_socket), socket_timeout=5)

    def memory(self) -> dict[str, tuple[int, float]]:
        """Return the id and the resident memory in MB of each process of Mico."""
        found = {}
        for name in MICO:
            pid = self.pid(name)
            with suppress(OSError, IndexError, ValueError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                found[name] = (pid or 0, pages * resource.getpagesize() / 1e6)
        return found

    # --- how they are started

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        clean.pop("DJANGO_SETTINGS_MODULE", None)
        return clean | {
            "MICO_ENV_FILE": os.devnull,
            "MICO_DATA": str(self.folder / "mico"),
            "DATABASE_URL": self._cluster.url if self._cluster else "",
            "REDIS_URL": f"unix://{self.redis_socket}?db=0",
            "RTZR_CLIENT_ID": "chaos",
            "RTZR_CLIENT_SECRET": "chaos",
            "RTZR_BASE_URL": self.emulator.base_url,
            "RTZR_JOBS_AT_ONCE": "10",  # of each model
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            # Short, so that a minute holds what takes an hour elsewhere.
            "STT_LEASE_SECONDS": str(LEASE_SECONDS),
            "STT_RETRY_FIRST_SECONDS": "0.2",
            "STT_CONNECT_TIMEOUT": "2",
            "STT_READ_TIMEOUT": "3",
            "STT_SUBMIT_TIMEOUT": "4",
            "PYTHONUNBUFFERED": "1",
        }

    def _programs(self) -> Iterator[tuple[str, dict[str, object]]]:
        server = find_redis_server()
        if server is None:
            raise RuntimeError(NOT_FOUND)
        here = os.environ | {"PYTHONPATH": str(BASE_DIR)}
        python = sys.executable

        def program(*command: str, environment: dict[str, str] = self.environment) -> dict[str, object]:
            return {"command": command, "environment": environment | {"PYTHONPATH": str(BASE_DIR)}}

        if self._cluster is not None:
            yield "postgresql", {"command": self._cluster.command(), "environment": here}
        # As `make run` starts it: what it has acknowledged survives its death.
        persistent = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--save", ""]
        yield (
            "redis",
            program(
                *(str(server), "--port", "0", "--dir", str(self.folder / "redis")),
                *("--unixsocket", str(self.redis_socket), *persistent, "--loglevel", "notice"),
            ),
        )
        vendor = ["--port", str(self.ports["emulator"]), "--data", str(self.folder / "vendor")]
        account = ["--client-id", "chaos", "--client-secret", "chaos"]
        yield "emulator", program(python, "-m", "emulator", *vendor, "--engine", "echo", *account)
        for name in WEBS:
            listen = ["-b", "127.0.0.1", "-p", str(self.ports[name])]
            yield name, program(python, "-m", "daphne", *listen, "mico.asgi:application")
        manage = str(BASE_DIR / "manage.py")
        for name in DISPATCHERS:
            yield name, program(python, manage, "dispatch", "--skip-checks")
        for name in WORKERS:
            yield name, program(python, manage, "rqworker", "--skip-checks")

    def _supervise(self) -> None:
        with self._lock, (self.folder / "log" / "supervisor.log").open("ab") as log:
            if self._closing.is_set():
                return
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.supervisor", str(self.folder)],
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _keep_supervised(self) -> None:
        """Do what a machine's service manager does for the supervisor."""
        while not self._closing.wait(0.2):
            if self._supervisor is not None and self._supervisor.poll() is not None:
                time.sleep(0.3)
                self._supervise()


@contextmanager
def a_fleet(database: Database, *, keep: Sequence[str] = ()) -> Iterator[Fleet]:
    """Yield a running fleet with data of its own. Its processes and data are removed afterwards.

    `keep`: the names of files below its folder (such as "log") that are copied to ./chaos-logs first.
    """
    # Not below the directories of the tests: the path of a Unix socket has to be short, and the user postgres cannot
    # enter them. (Other tests change the process' own directory for temporary files.)
    folder = Path(tempfile.mkdtemp(prefix="mico-chaos-", dir=TEST_DATA.parent)).resolve()
    fleet = Fleet(folder, database)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.close()
        for name in keep:
            shutil.copytree(folder / name, Path("chaos-logs") / name, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
