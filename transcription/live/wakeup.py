"""Wakes the dispatcher when the schedule in the database has changed.

A message is empty, and may be lost: the dispatcher also looks at the schedule once a second without one.
"""

import logging
import time

import redis
from django.db import transaction

from transcription.live.redis_client import redis_client

CHANNEL = "mico:wake"

logger = logging.getLogger(__name__)


def wake() -> None:
    """Wake every dispatcher after the current transaction commits, or at once outside a transaction."""
    transaction.on_commit(_publish)


def _publish() -> None:
    try:
        redis_client().publish(CHANNEL, b"")
    except redis.RedisError as error:
        # The row is committed, so nothing is lost: the dispatcher finds it when it next looks.
        logger.warning("The dispatcher was not woken, and finds the row when it next looks: %s", error)


class Listener:
    """The dispatcher's subscription to wake-ups. One that comes between two calls of `wait` is not lost."""

    def __init__(self) -> None:
        self._pubsub = redis_client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(CHANNEL)

    def wait(self, seconds: float) -> None:
        """Return when woken, or after `seconds`, whichever comes first. Raises redis.RedisError."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._pubsub.get_message(timeout=left) is not None:
                break
        # Drop the other wake-ups that have come: one look finds every changed row.
        while self._pubsub.get_message(timeout=0) is not None:
            continue

    def close(self) -> None:
        """Close the subscription and its connection."""
        self._pubsub.close()
