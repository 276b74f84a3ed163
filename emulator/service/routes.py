"""The vendor's routes: authenticate, submit, poll (https://developers.rtzr.ai/docs/stt-file/)."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from aiohttp import web

from ..engines.pocketsphinx import Engine
from ..laboratory.faults import Faults, NoAnswerError, Route, strike
from ..laboratory.limits import Limits
from ..laboratory.stats import Entry, Stats
from .audio import probe
from .protocol import MAX_BYTES, MAX_SECONDS, TOKEN_SECONDS, VendorError, parse_config
from .runner import Runner
from .store import Job, Store
from .upload import receive

logger = logging.getLogger(__name__)

# Without credentials of its own, the emulator accepts any pair except this secret.
WRONG_SECRET: Final = "wrong"  # noqa: S105
_ROUTES: Final[tuple[Route, ...]] = get_args(Route)
_DRAIN_BYTES: Final = 256 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Turnaround:
    """A job takes at least max(seconds, factor x duration x noise). The noise is log-normal with median 1."""

    seconds: float
    factor: float = 0.0
    sigma: float = 0.0
    random: random.Random = field(default_factory=random.Random)

    def draw(self, duration: float) -> float:
        """Return the seconds for audio of `duration` seconds."""
        return max(self.seconds, self.factor * duration * self.random.lognormvariate(0.0, self.sigma))


@dataclass
class Lifetimes:
    """Lifetimes in seconds. result: None keeps results for good; the vendor documents no lifetime for them."""

    token: float = TOKEN_SECONDS
    result: float | None = None


@dataclass
class Vendor:
    """The state that the routes share. credentials: None accepts any pair except the secret WRONG_SECRET."""

    store: Store
    engine: Engine
    engine_name: str
    credentials: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        self.runner = Runner(self.store, self.engine)
        self.limits = Limits(time.monotonic)
        self.faults = Faults()
        self.stats = Stats()
        self.restore_times()

    def restore_times(self) -> None:
        """Restore the initial turnaround and lifetimes."""
        self.turnaround = Turnaround(self.engine.seconds)
        self.lifetimes = Lifetimes()

    def knows(self, client_id: str, client_secret: str) -> bool:
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


VENDOR: Final = web.AppKey("vendor", Vendor)
_ENTRY: Final = web.RequestKey("entry", Entry)


async def authenticate(request: web.Request) -> web.Response:
    """Form fields -> `{"access_token", "expire_at": unix seconds}`. The token is opaque to clients."""
    vendor = request.app[VENDOR]
    form = await request.post()
    client_id, client_secret = form.get("client_id"), form.get("client_secret")
    if (
        not isinstance(client_id, str)
        or not isinstance(client_secret, str)
        or not client_id
        or not client_secret
    ):
        raise VendorError("H0001", "client_id and client_secret are required")
    if not vendor.knows(client_id, client_secret):
        raise VendorError("H0002")
    token, expire_at = secrets.token_urlsafe(32), time.time() + vendor.lifetimes.token
    vendor.store.add_token(token, client_id, expire_at)
    return web.json_response({"access_token": token, "expire_at": int(expire_at)})


async def submit(request: web.Request) -> web.Response:
    """Multipart `file` and `config` -> `{"id"}`. A refused submit leaves nothing behind."""
    vendor = request.app[VENDOR]
    account = vendor.account(request)
    vendor.limits.admit("submit", account)
    vendor.limits.admit_job(lambda: vendor.store.transcribing(account, time.time()))
    limits = vendor.limits.settings
    job_id = secrets.token_urlsafe(16)
    path = vendor.store.audio_path(job_id)
    accepted = False
    try:
        upload = await receive(request, path, MAX_BYTES if limits.max_bytes is None else limits.max_bytes)
        config = parse_config(upload.config, vendor.engine.languages)
        duration_ms = await asyncio.to_thread(probe, path)
        max_seconds = MAX_SECONDS if limits.max_seconds is None else limits.max_seconds
        if duration_ms > max_seconds * 1000:
            raise VendorError("H0006", f"the limit is {max_seconds} seconds")
        now = time.time()
        # Check again. Nothing awaits from here on, so that concurrent uploads cannot all pass the limit.
        vendor.limits.admit_job(lambda: vendor.store.transcribing(account, now))
        ready_at = now + vendor.turnaround.draw(duration_ms / 1000)
        job = Job(job_id, account, config, upload.sha256, duration_ms, now, ready_at)
        vendor.store.add(job)
        vendor.runner.add(job)
        accepted = True
    finally:
        if not accepted:
            path.unlink(missing_ok=True)
    request[_ENTRY].job, request[_ENTRY].ready_at = job_id, ready_at
    return web.json_response({"id": job_id})


async def poll(request: web.Request) -> web.Response:
    """Return the state of a job, with its results or its error."""
    vendor = request.app[VENDOR]
    account = vendor.account(request)
    job_id = request.match_info["id"]
    request[_ENTRY].job = job_id
    vendor.limits.admit("poll", account)
    now = time.time()
    job = vendor.store.job(job_id)
    if job is None:
        raise VendorError("H0004")
    if job.client_id != account:
        raise VendorError("H0003")
    return web.json_response(_state(job, now, vendor.lifetimes.result))


def _state(job: Job, now: float, kept: float | None) -> dict[str, Any]:
    if job.finished_at is None or job.is_transcribing(now):
        return {"id": job.id, "status": "transcribing"}
    if kept is not None and now >= job.finished_at + kept:
        raise VendorError("H0007")
    if job.error is not None:
        return {"id": job.id, "status": "failed", "error": job.error}
    return {"id": job.id, "status": "completed", "results": {"utterances": job.utterances}}


@web.middleware
async def front_door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wrap the vendor's routes: count requests, apply faults, and format errors as the vendor does."""
    route = next((known for known in _ROUTES if known == request.match_info.route.name), None)
    if route is None:
        return await handler(request)
    with request.app[VENDOR].stats.request(route) as entry:
        request[_ENTRY] = entry
        try:
            response: web.StreamResponse = await _answer(request, handler, route, entry)
        except NoAnswerError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # for aiohttp; the client never reads it
        except ConnectionError:
            return web.Response()  # the client disconnected while it sent its body
        except VendorError as error:
            entry.code, response = error.code, _refusal(error)
        except web.HTTPException as error:
            entry.status = error.status
            raise
        except Exception:
            logger.exception("%s", route)
            entry.code, response = "E500", _refusal(VendorError("E500"))
        entry.status = response.status
        return response


def _refusal(error: VendorError) -> web.Response:
    response = web.json_response({"code": error.code, "msg": error.msg}, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    return response


async def _answer(request: web.Request, handler: Handler, route: Route, entry: Entry) -> web.StreamResponse:
    faults = request.app[VENDOR].faults
    if (fault := faults.take(route)) is not None:
        entry.fault = fault.kind
        if fault.kind != "slow":
            async for _ in request.content.iter_chunked(_DRAIN_BYTES):
                pass
        if (instead := await strike(fault, request)) is not None:
            return instead
    response = await handler(request)
    if (fault := faults.take(route, after=True)) is not None:
        entry.fault = fault.kind
        return await strike(fault, request) or response
    return response


def routes() -> list[web.AbstractRouteDef]:
    return [
        web.post("/v1/authenticate", authenticate, name="authenticate"),
        web.post("/v1/transcribe", submit, name="submit"),
        web.get("/v1/transcribe/{id}", poll, name="poll", allow_head=False),
    ]
