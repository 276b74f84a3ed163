"""Presence of workers and dispatchers. Each sends a heartbeat every few seconds; one that falls silent is forgotten.

RQ's own registry is too slow for the pages: a killed worker stays in it for minutes.
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
    """The kind of a process."""

    WORKER = "worker"
    DISPATCH = "dispatch"


class Presence(TypedDict):
    """The number of live processes of each role."""

    workers: int
    dispatchers: int


def _key(role: Role) -> str:
    """Return the key of a sorted set: processes by their last heartbeat, in seconds on Redis's clock.

    Redis's clock is the only one that all processes share.
    """
    return f"mico:alive:{role}"


def alive() -> Presence:
    """Count the processes with a heartbeat in the last EXPIRES_SECONDS. Raises redis.RedisError."""
    client = redis_client()
    since = client.time()[0] - EXPIRES_SECONDS
    count = {role: client.zcount(_key(role), since, "+inf") for role in Role}
    return {"workers": count[Role.WORKER], "dispatchers": count[Role.DISPATCH]}


class Heartbeat:
    """Sends this process's heartbeat from a thread, until it is stopped or the process ends."""

    def __init__(self, role: Role) -> None:
        self._key = _key(role)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread, which sends the first beat at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread. The thread then removes this process from the set of live ones."""
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
                    logger.warning("No heartbeat while Redis is unavailable: %s", error)
                down = True
            if self._stop.wait(BEAT_SECONDS):
                break
        try:
            redis_client().zrem(self._key, self._name)
        except redis.RedisError as error:
            logger.info("The presence of this process is left to expire: %s", error)

    def _beat(self) -> None:
        client = redis_client()
        now = client.time()[0]
        client.zadd(self._key, {self._name: now})
        client.zremrangebyscore(self._key, "-inf", now - EXPIRES_SECONDS)
