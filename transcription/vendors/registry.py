"""The configured vendors. Only this module knows both their classes and the settings.

STT_VENDORS = {"rtzr": {keyword arguments of Rtzr}}
REDIS_URL   the Redis that stores the shared tokens
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from transcription.vendors.base import Vendor
from transcription.vendors.rtzr import Rtzr

VENDORS: dict[str, Callable[..., Vendor]] = {"rtzr": Rtzr}


@functools.cache
def get_vendor(name: str) -> Vendor:
    """Return this process's adapter for `name`, which is safe to share between threads and across a fork.

    Raises LookupError if the name is unknown or not configured. A test that changes the settings calls
    `get_vendor.cache_clear()`.
    """
    if name not in VENDORS or name not in settings.STT_VENDORS:
        raise LookupError(
            f"There is no vendor {name!r} in STT_VENDORS; known are {', '.join(sorted(VENDORS))}."
        )
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=5.0,
        socket_connect_timeout=5.0,
        retry=Retry(NoBackoff(), 1),  # for a connection that died unused; the default retries for seconds
    )
    return VENDORS[name](client, **settings.STT_VENDORS[name])


def languages() -> tuple[str, ...]:
    """Return what a new recording can be in: the languages and modes of the vendor in STT_VENDOR."""
    return get_vendor(settings.STT_VENDOR).languages


def stretch_ms() -> tuple[int, int]:
    """Return how soon and how late speech without a pause is cut for the vendor in STT_VENDOR, in ms."""
    soonest, latest = get_vendor(settings.STT_VENDOR).stretch_s
    return round(1000 * soonest), round(1000 * latest)
