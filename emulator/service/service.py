"""The speech service's own state, and the one door through which the laboratory refuses requests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from aiohttp import web

from .engine import Engine
from .protocol import MAX_BYTES, MAX_SECONDS, TOKEN_SECONDS, VendorError
from .runner import Runner
from .store import Store

Route = Literal["authenticate", "submit", "poll"]
ROUTES: Final[tuple[Route, ...]] = ("authenticate", "submit", "poll")

# Without credentials of its own, the program accepts any pair except this secret.
WRONG_SECRET: Final = "wrong"  # noqa: S105


class Door(Protocol):
    """Refuses requests that the service itself would serve. Each method raises VendorError to refuse."""

    def admit(self, route: Literal["submit", "poll"], account: str) -> None:
        """Count a request of an account."""

    def admit_job(self, model: str, in_flight: Callable[[], int]) -> None:
        """Let one more job of a model in. in_flight: counts the account's jobs of it that are not finished."""


@dataclass
class Rules:
    """How the service behaves. The laboratory replaces these.

    max_bytes, max_seconds: of one upload; token_seconds: the lifetime of a token; result_seconds: that of a result,
    None for ever (RTZR documents none); shortest: seconds of audio -> the seconds that its job takes at least;
    tells_time: a poll of a job whose engine does not tell how far it is tells the part of that time that is over.
    """

    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS
    token_seconds: float = TOKEN_SECONDS
    result_seconds: float | None = None
    shortest: Callable[[float], float] = field(default=lambda _seconds: 0.0)
    tells_time: bool = False


@dataclass
class Service:
    """What the routes share. credentials: None accepts any pair except the secret WRONG_SECRET."""

    store: Store
    engine: Engine
    engine_name: str
    credentials: tuple[str, str] | None = None
    rules: Rules = field(default_factory=Rules)
    door: Door | None = None

    def __post_init__(self) -> None:
        self.runner = Runner(self.store, self.engine)

    def knows(self, client_id: str, client_secret: str) -> bool:
        """Return whether the pair is accepted."""
        if self.credentials is None:
            return client_secret != WRONG_SECRET
        return secrets.compare_digest(
            f"{client_id}\n{client_secret}".encode(), "\n".join(self.credentials).encode()
        )

    def account(self, request: web.Request) -> str:
        """Return the client_id behind `Authorization: bearer ...`. Raises H0002."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        owner = self.store.token_owner(token.strip(), time.time()) if scheme.lower() == "bearer" else None
        if owner is None:
            raise VendorError("H0002")
        return owner


@dataclass
class Outcome:
    """What came of one request, for whoever counts requests.

    code: of an error answer; job: its id; ready_at: unix seconds at which the submitted job is done at the earliest;
    answered: False if the client left before there was an answer.
    """

    code: str | None = None
    job: str | None = None
    ready_at: float | None = None
    answered: bool = True


SERVICE: Final = web.AppKey("service", Service)
OUTCOME: Final = web.RequestKey("outcome", Outcome)
