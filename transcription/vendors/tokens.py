"""One access token for the whole fleet, in Redis, got by one process at a time.

Without this, every worker of every machine would sign in for itself, at the same moment, after each expiry.
The token lives in Redis only as long as it is good, on the clock of Redis, so nobody compares clocks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import redis
from redis.exceptions import LockError

from transcription.vendors.base import Unavailable

# A fresh token is kept at least this long: if the vendor's clock and ours differ by hours, we ask once a
# minute instead of before every request. A token that is refused is dropped at once anyway.
SHORTEST_S = 60.0
LONGEST_S = 86400.0
# Delete the token, but only if it is still the one that was refused.
_DELETE_IF = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Token:
    """expires_at: epoch seconds, the vendor's word."""

    value: str = field(repr=False)
    expires_at: float


class Tokens:
    """The token of one vendor account.

    client: made with decode_responses=True; key: one per account; authenticate: gets a fresh token from the
    vendor, in at most lock_s; margin_s: how long before its expiry a token is given up; wait_s: how long to
    wait for another process that is just authenticating.
    Raises whatever `authenticate` raises, Unavailable (the other process did not finish), redis.RedisError.
    """

    def __init__(
        self,
        client: redis.Redis,
        key: str,
        authenticate: Callable[[], Token],
        *,
        margin_s: float = 300.0,
        lock_s: float = 60.0,
        wait_s: float = 10.0,
        pause_s: float = 0.05,
    ) -> None:
        self._redis = client
        self._key = key
        self._authenticate = authenticate
        self._margin_s = margin_s
        self._lock_s = lock_s
        self._wait_s = wait_s
        self._pause_s = pause_s

    def get(self) -> str:
        """The token that everybody uses; authenticates if there is none and nobody else is at it."""
        # Made here, not once: a Lock remembers who holds it, and this object is shared between threads.
        lock = self._redis.lock(f"{self._key}:lock", timeout=self._lock_s)
        deadline = time.monotonic() + self._wait_s
        while True:
            if token := self._read():
                return token
            if lock.acquire(blocking=False):
                try:
                    # Somebody may have finished between our look and our lock.
                    return self._read() or self._renew()
                finally:
                    self._release(lock)
            if time.monotonic() >= deadline:
                raise Unavailable(
                    "Another process has been signing in to the vendor for too long.", may_have_arrived=False
                )
            time.sleep(self._pause_s)

    def invalidate(self, token: str) -> None:
        """The vendor refused `token`. A newer one that another process has got meanwhile stays."""
        self._redis.eval(_DELETE_IF, 1, self._key, token)

    def _read(self) -> str | None:
        value = self._redis.get(self._key)
        return value if isinstance(value, str) else None

    def _renew(self) -> str:
        token = self._authenticate()
        seconds, microseconds = self._redis.time()
        left_s = token.expires_at - (seconds + microseconds / 1e6) - self._margin_s
        ttl_s = min(max(left_s, SHORTEST_S), LONGEST_S)
        self._redis.set(self._key, token.value, px=int(ttl_s * 1000))
        return token.value

    @staticmethod
    def _release(lock: redis.lock.Lock) -> None:
        # LockError: the vendor took longer than the lock lives. The worst case is a second authentication.
        with contextlib.suppress(LockError):
            lock.release()
