"""The one connection pool of a process to Redis."""

import threading
from functools import cache

import redis
from django.conf import settings

# functools.cache may call twice when two threads come first together, and the client that is thrown away
# closes, in its finaliser, a connection that somebody already uses.
_first = threading.Lock()


@cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def redis_client() -> "redis.Redis":
    """The process's client: thread-safe, reconnects by itself.

    Raises redis.RedisError from its commands while Redis is away; a command waits at most 5 s.
    """
    with _first:
        return _client()
