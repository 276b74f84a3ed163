"""The gate of each vendor account, and how its jobs are shared out. Every process builds it from the settings."""

from typing import Any

from django.conf import settings

from transcription.gate import Gate, GateParams
from transcription.live.redis_client import redis_client

# Part of the jobs at once that uploaded files may fill, so that speech of now always finds room.
FILES_PART = 0.5


def gate_of(vendor: str) -> Gate:
    """Return the gate of this vendor's account, with the parameters of `STT_GATES`."""
    known: dict[str, Any] = settings.STT_GATES.get(vendor, {})
    return Gate(redis_client(), vendor, GateParams(**known))


def file_slots(cap: int) -> int:
    """Return how many of the `cap` jobs that a vendor takes at once may be of files. With a single one: that one."""
    return max(1, int(cap * FILES_PART))
