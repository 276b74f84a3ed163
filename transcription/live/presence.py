"""Presence of workers and dispatchers. Each sends a heartbeat every few seconds; one that falls silent is forgotten.

A heartbeat says that the process's loop comes round or works at a job, and not only that the process exists.

RQ's own registry is too slow for the pages: a killed worker stays in it for minutes.
"""

import logging
import os
import secrets
import socket
import threading
import time
from enum import StrEnum
from typing import TypedDict

import redis

from transcription.live.redis_client import redis_client

BEAT_SECONDS = 3.0
EXPIRES_SECONDS = 10
# How long the loop of a worker or dispatcher may take to come round, in seconds. It is usually one or two.
LOOP_SECONDS = 10.0

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
    """Sends this process's heartbeat from a thread, for as long as its loop has said that it is alive.

    The thread alone would prove nothing: it also runs while the loop hangs. So the loop calls `alive_for` each time
    it comes round, and before work that takes longer; when it is overdue, this process is no longer shown as alive.
    """

    def __init__(self, role: Role) -> None:
        self._key = _key(role)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._until = 0.0  # on the clock of `time.monotonic`
        self._stopping = False
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread, which sends the first beat at once."""
        self.alive_for(LOOP_SECONDS)
        self._thread.start()

    def alive_for(self, seconds: float) -> None:
        """Note that the loop is alive, and will say so again within `seconds`."""
        overdue = time.monotonic() >= self._until
        self._until = time.monotonic() + seconds
        if overdue:
            self._changed.set()

    def stop(self) -> None:
        """Stop the thread. The thread then removes this process from the set of live ones."""
        self._stopping = True
        self._changed.set()
        self._thread.join(timeout=2 * BEAT_SECONDS)

    def _run(self) -> None:
        down = shown = False
        while not self._stopping:
            self._changed.clear()
            try:
                if time.monotonic() < self._until:
                    self._beat()
                    shown = True
                elif shown:
                    logger.warning("No heartbeat: the loop of this process is overdue.")
                    redis_client().zrem(self._key, self._name)
                    shown = False
                down = False
            except redis.RedisError as error:
                if not down:
                    logger.warning("No heartbeat while Redis is unavailable: %s", error)
                down = True
            left = self._until - time.monotonic()
            self._changed.wait(min(BEAT_SECONDS, left) if left > 0 else BEAT_SECONDS)
        try:
            redis_client().zrem(self._key, self._name)
        except redis.RedisError as error:
            logger.info("The presence of this process is left to expire: %s", error)

    def _beat(self) -> None:
        client = redis_client()
        now = client.time()[0]
        client.zadd(self._key, {self._name: now})
        client.zremrangebyscore(self._key, "-inf", now - EXPIRES_SECONDS)
