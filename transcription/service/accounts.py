"""The gate of each vendor account. Every process builds it here, from the same settings."""

from typing import Any

from django.conf import settings

from transcription.gate import Gate, GateParams
from transcription.live.redis_client import redis_client


def gate_of(vendor: str) -> Gate:
    """Return the gate of this vendor's account, with the parameters of `STT_GATES`."""
    known: dict[str, Any] = settings.STT_GATES.get(vendor, {})
    return Gate(redis_client(), vendor, GateParams(**known))
