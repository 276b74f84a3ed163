"""The gate of each vendor account, and how its jobs are shared out. Every process builds it from the settings."""

from typing import Any

from django.conf import settings

from transcription.gate import Gate, GateParams
from transcription.live.redis_client import redis_client
from transcription.vendors.registry import get_vendor

# Part of the jobs at once that uploaded files may fill, so that speech of now always finds room.
FILES_PART = 0.5


def gate_of(vendor: str) -> Gate:
    """Return the gate of this vendor's account, with the parameters of `STT_GATES`."""
    known: dict[str, Any] = settings.STT_GATES.get(vendor, {})
    return Gate(redis_client(), vendor, GateParams(**known))


def pools_of(vendor: str) -> tuple[str, ...]:
    """Return the pools of this vendor, whose jobs it counts apart; "" alone if it has none or is not configured."""
    return get_vendor(vendor).pools if vendor in settings.STT_VENDORS else ("",)


def pool_of(vendor: str, language: str) -> str:
    """Return the vendor's pool for a recording in this language; "" if it has none or is not configured."""
    return get_vendor(vendor).pool(language) if vendor in settings.STT_VENDORS else ""


def file_slots(cap: int) -> int:
    """Return how many of the `cap` jobs that a vendor takes at once may be of files. With a single one: that one."""
    return max(1, int(cap * FILES_PART))
