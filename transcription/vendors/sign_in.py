"""One access token for all processes, kept in Redis and fetched by one process at a time.

Without this, every worker would authenticate by itself at the same moment after each expiry. Redis expires the token
on its own clock, so the machines' clocks need not agree.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.exceptions import LockError

from transcription.vendors.base import VendorUnavailable

# A fresh token is kept at least this long, in seconds. If the vendor's clock is hours off, we then authenticate
# once a minute rather than before every request. A refused token is dropped at once anyway.
SHORTEST_S = 60.0
LONGEST_S = 86400.0

_SCRIPT = Path(__file__).with_name("sign_in.lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the vendor. expires_at: epoch seconds on the vendor's clock."""

    value: str = field(repr=False)
    expires_at: float


class Tokens:
    """The shared token of one vendor account.

    client: made with decode_responses=True; key: one per account; authenticate: fetches a fresh token from the
    vendor in at most lock_s; margin_s: how long before its expiry a token is dropped; wait_s: how long to wait for
    another process that is authenticating.
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
        """Return the shared token; authenticate if there is none and no other process is doing so.

        Raises what `authenticate` raises, VendorUnavailable (another process did not finish), redis.RedisError.
        """
        # A lock per call: a Lock remembers its holder, and threads share this object.
        lock = self._redis.lock(f"{self._key}:lock", timeout=self._lock_s)
        deadline = time.monotonic() + self._wait_s
        while True:
            if token := self._read():
                return token
            if lock.acquire(blocking=False):
                try:
                    # Another process may have finished between our read and our lock.
                    return self._read() or self._renew()
                finally:
                    self._release(lock)
            if time.monotonic() >= deadline:
                raise VendorUnavailable(
                    "Another process has been signing in to the vendor for too long.", may_have_arrived=False
                )
            time.sleep(self._pause_s)

    def invalidate(self, token: str) -> None:
        """Drop `token`, which the vendor refused. A newer token of another process stays."""
        self._redis.eval(_SCRIPT, 1, self._key, token)

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
        # LockError: authenticating outlasted the lock. At worst another process authenticates too.
        with contextlib.suppress(LockError):
            lock.release()
