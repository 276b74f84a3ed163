"""Startup, from a clean machine to the supervisor, or to one sentence that says what is wrong."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from mico.accounts.links import signin_link
from mico.run import prepare, speech, surroundings
from mico.run.child import hold
from mico.run.left_behind import end_left_behind, holder
from mico.run.redis_server import NOT_FOUND, find_redis_server
from mico.run.surroundings import NotHereError

CHILD = Path(__file__).with_name("child.py")
# Characters with a meaning in supervisord.conf that cannot be escaped there.
UNUSABLE = frozenset('%"\\\n')


def main() -> NoReturn:
    """Become the supervisor, or exit with status 1 and a sentence."""
    try:
        start()
    except (NotHereError, CommandError) as error:
        sys.exit(f"mico: {error}")
    except DatabaseError as error:
        sys.exit(f"mico: The database refuses: {str(error).strip()}")


def start() -> NoReturn:
    """Become the supervisor. Raises NotHereError, CommandError (also for a failed system check), DatabaseError."""
    run = settings.DATA_DIR / "run"
    logs = settings.DATA_DIR / "log"
    for path in (settings.DATA_DIR, CHILD, Path(sys.executable), settings.WHISPER_MODEL):
        if UNUSABLE & set(str(path)):
            raise NotHereError(
                f"{path} has a sign in its name that cannot be used (%, a quote): choose another."
            )
    for folder in (settings.DATA_DIR, run, logs):
        surroundings.check_writable(folder)
    _be_the_only_one(run)
    redis_server = _look_around()
    call_command("check", stdout=io.StringIO())  # warnings go to stderr; "no issues" is not worth a line
    prepare.migrate()
    prepare.collect_static(run / "static.sha256")
    link = signin_link(prepare.administrator())
    connections.close_all()

    environment = os.environ | _environment(run, logs, redis_server)
    announce = [sys.executable, "-m", "mico.run.announce", str(settings.PORT), settings.HOST, str(logs)]
    # Not under the supervisor, because it prints one message and exits.
    subprocess.Popen(announce, env=environment | {"MICO_RUN_LINK": link})
    arguments = [sys.executable, "-m", "mico.run.supervise", *sys.argv[1:]]
    # exec, because Django's memory is not needed any more.
    os.execve(sys.executable, arguments, environment)


def _be_the_only_one(run: Path) -> None:
    """Lock the data for the life of this process, which later becomes the supervisor. Raises NotHereError."""
    lock = run / "mico.lock"
    try:
        hold(lock)
    except BlockingIOError:
        raise NotHereError(
            f"A Mico is running on MICO_DATA={settings.DATA_DIR} already (process {holder(lock)}): stop it,"
            " or set MICO_DATA, PORT and EMULATOR_PORT for this one."
        ) from None
    try:
        ended = end_left_behind(run)
    except TimeoutError:
        raise NotHereError(f"Processes of a killed Mico do not end; their ids are in {run}/*.pid.") from None
    if ended:
        print(f"Ended {ended} processes that a killed Mico had left behind.", flush=True)


def _look_around() -> Path | None:
    """Check the machine. Return the Redis server to start, or None with REDIS_URL. Raises NotHereError."""
    surroundings.check_port("PORT", settings.HOST, settings.PORT)
    if settings.EMBEDDED_VENDOR:
        if settings.EMULATOR_PORT == settings.PORT:
            raise NotHereError(f"PORT and EMULATOR_PORT are both {settings.PORT}: set one to another port.")
        surroundings.check_port("EMULATOR_PORT", "127.0.0.1", settings.EMULATOR_PORT)
        speech.get_ready()
    if not settings.EMBEDDED_REDIS:
        return None
    surroundings.check_socket_path(settings.REDIS_SOCKET)
    server = find_redis_server()
    if server is None:
        raise NotHereError(NOT_FOUND)
    (settings.DATA_DIR / "redis").mkdir(exist_ok=True)
    return server


def _environment(run: Path, logs: Path, redis_server: Path | None) -> dict[str, str]:
    """Return the environment of supervisord.conf and its programs."""
    return {
        "MICO_DATA": str(settings.DATA_DIR),  # absolute, since programs may run in another directory
        "PYTHONUNBUFFERED": "1",  # logs are written at once
        "MICO_RUN_PYTHON": sys.executable,
        "MICO_RUN_CHILD": str(CHILD),
        "MICO_RUN_STATE": str(run),
        "MICO_RUN_LOGS": str(logs),
        "MICO_RUN_HOST": settings.HOST,
        "MICO_RUN_PORT": str(settings.PORT),
        "MICO_RUN_WORKERS": str(settings.STT_WORKERS),
        "MICO_RUN_EMULATOR": str(settings.EMBEDDED_VENDOR).lower(),
        "MICO_RUN_EMULATOR_PORT": str(settings.EMULATOR_PORT),
        "MICO_RUN_EMULATOR_ENGINE": settings.EMULATOR_ENGINE,
        "MICO_RUN_WHISPER_MODEL": settings.WHISPER_MODEL,
        "MICO_RUN_REDIS": str(settings.EMBEDDED_REDIS).lower(),
        "MICO_RUN_REDIS_SERVER": str(redis_server or "redis-server"),
        "MICO_RUN_REDIS_SOCKET": settings.REDIS_SOCKET.name,
    }
