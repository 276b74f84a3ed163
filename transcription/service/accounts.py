"""The gate of each vendor account, as the settings have it. Every process builds it here, with the same values."""

from typing import Any

from django.conf import settings

from transcription.gate import Gate, GateParams
from transcription.live.redis_client import redis_client


def gate_of(vendor: str) -> Gate:
    """The gate of a vendor's account."""
    known: dict[str, Any] = settings.STT_GATES.get(vendor, {})
    return Gate(redis_client(), vendor, GateParams(**known))
