"""The one connection pool of a process to Redis."""

from functools import cache

import redis
from django.conf import settings


@cache
def redis_client() -> "redis.Redis":
    """The process's client: thread-safe, reconnects by itself.

    Raises redis.RedisError from its commands while Redis is away; a command waits at most 5 s.
    """
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)
