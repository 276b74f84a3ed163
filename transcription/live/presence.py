"""Who is alive: workers and dispatchers say so every few seconds, and who is silent is forgotten.

RQ's own registry is too slow for people: a killed worker stays in it for minutes.
"""

import logging
import os
import secrets
import socket
import threading
from enum import StrEnum
from typing import TypedDict

import redis

from transcription.live.redis_client import redis_client

BEAT_SECONDS = 3.0
EXPIRES_SECONDS = 10

logger = logging.getLogger(__name__)


class Role(StrEnum):
    """What a process does."""

    WORKER = "worker"
    DISPATCH = "dispatch"


class Presence(TypedDict):
    """How many of each are alive."""

    workers: int
    dispatchers: int


def _key(role: Role) -> str:
    """A sorted set: who, by when they last said so (s on the clock of Redis, the only one they all share)."""
    return f"mico:alive:{role}"


def alive() -> Presence:
    """Counts those who said so lately. Raises redis.RedisError without Redis."""
    client = redis_client()
    since = client.time()[0] - EXPIRES_SECONDS
    count = {role: client.zcount(_key(role), since, "+inf") for role in Role}
    return {"workers": count[Role.WORKER], "dispatchers": count[Role.DISPATCH]}


class Heartbeat:
    """Says "alive" for this process from a thread of its own, until stopped or the process ends."""

    def __init__(self, role: Role) -> None:
        self._key = _key(role)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begins, with the first beat at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, and takes the name away, so that nobody counts on this process any more."""
        self._stop.set()
        self._thread.join(timeout=2 * BEAT_SECONDS)

    def _run(self) -> None:
        down = False
        while True:
            try:
                self._beat()
                down = False
            except redis.RedisError as error:
                if not down:
                    logger.warning("No heartbeat while Redis is away: %s", error)
                down = True
            if self._stop.wait(BEAT_SECONDS):
                break
        try:
            redis_client().zrem(self._key, self._name)
        except redis.RedisError as error:
            logger.info("Presence left to expire: %s", error)

    def _beat(self) -> None:
        client = redis_client()
        now = client.time()[0]
        client.zadd(self._key, {self._name: now})
        client.zremrangebyscore(self._key, "-inf", now - EXPIRES_SECONDS)
