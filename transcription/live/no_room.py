"""How often processes found the disk full lately: a count in Redis, which forgets it."""

import logging

import redis

from transcription.live.redis_client import redis_client

KEY = "mico:no_room"
LATELY = 600  # seconds after the last time

logger = logging.getLogger(__name__)


def note() -> None:
    """Count one more time. It is for information only: while Redis is unavailable nothing is counted."""
    try:
        with redis_client().pipeline() as pipeline:
            pipeline.incr(KEY)
            pipeline.expire(KEY, LATELY)
            pipeline.execute()
    except redis.RedisError as error:
        logger.warning("That the disk is full was not counted: %s", error)


def count() -> int:
    """Return how many times there was no room, up to LATELY seconds ago. Raises redis.RedisError."""
    return int(redis_client().get(KEY) or 0)
