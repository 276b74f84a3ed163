"""The process's one pool of connections to Redis."""

import threading
from functools import cache

import redis
from django.conf import settings

# Without this lock, functools.cache may make two clients when two threads make the first call together. The one that
# is thrown away would close, in its finaliser, a connection that is already in use.
_first = threading.Lock()


@cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def redis_client() -> "redis.Redis":
    """Return the process's client, which is thread-safe and reconnects by itself.

    While Redis is unavailable its commands raise redis.RedisError: connecting times out after 5 s, and so does an
    answer.
    """
    with _first:
        return _client()
