"""Waking the dispatcher: "the schedule in the database has changed, look again".

A message carries nothing and may be lost: the dispatcher looks by itself once a second as well.
"""

import logging
import time

import redis
from django.db import transaction

from transcription.live.redis_client import redis_client

CHANNEL = "mico:wake"

logger = logging.getLogger(__name__)


def wake() -> None:
    """Wakes every dispatcher once the current database transaction is committed (at once outside one)."""
    transaction.on_commit(_publish)


def _publish() -> None:
    try:
        redis_client().publish(CHANNEL, b"")
    except redis.RedisError as error:
        # The row is committed, so nothing is lost: the dispatcher finds it when it next looks.
        logger.warning("The dispatcher could not be woken (%s): it will look by itself.", error)


class Listener:
    """The dispatcher's ear. What is said between two calls of `wait` is not missed."""

    def __init__(self) -> None:
        self._pubsub = redis_client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(CHANNEL)

    def wait(self, seconds: float) -> None:
        """Returns when woken or after `seconds`, whichever is first. Raises redis.RedisError without Redis."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._pubsub.get_message(timeout=left) is not None:
                break
        # Many rows changed at once are one reason to look, not many.
        while self._pubsub.get_message(timeout=0) is not None:
            continue

    def close(self) -> None:
        """Gives the connection back."""
        self._pubsub.close()
