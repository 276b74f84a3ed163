"""The controls: make the vendor throttle, limit, fail and forget, and read what it saw (docs/emulator.md).

Controls work whatever faults are set. They need no credentials, so only this machine reaches them, and no page of
another site that somebody here has open: a browser names the site in Origin, and a name that was made to point here
in Host.
"""

from __future__ import annotations

import ipaddress
import random
import time
from dataclasses import asdict, replace
from urllib.parse import urlsplit

from aiohttp import web

from ..service.config import MODELS
from ..service.protocol import MAX_BYTES, MAX_SECONDS, TOKEN_SECONDS
from ..service.routes import Handler
from .faults import FAULT_ON, KINDS, Fault
from .fields import FieldError, Fields
from .laboratory import LABORATORY
from .limits import TOO_MANY_POLLS, On
from .turnaround import Turnaround

_ON: tuple[On, ...] = ("submit", "poll", "all")


async def throttle(request: web.Request) -> web.Response:
    """`{seconds, code?, retry_after?, on?}`: answer 429 for so many seconds; 0 ends it."""
    laboratory = request.app[LABORATORY]
    fields = await Fields.of(request)
    seconds = fields.number("seconds", None)
    if seconds is None:
        raise FieldError("seconds is required")
    code = fields.text("code", TOO_MANY_POLLS)
    retry_after = fields.retry_after()
    on = fields.choice("on", _ON, "all")
    fields.done()
    laboratory.limits.throttle(on, seconds, code, retry_after)
    return web.json_response({"throttled": laboratory.limits.throttled()})


async def limits(request: web.Request) -> web.Response:
    """Change the named limits and leave the others; null clears one. All counts start anew."""
    laboratory = request.app[LABORATORY]
    fields = await Fields.of(request)
    now = laboratory.limits.settings
    settings = replace(
        now,
        concurrency=fields.whole("concurrency", now.concurrency),
        concurrency_by_model=fields.wholes("concurrency_by_model", MODELS, now.concurrency_by_model),
        rate=fields.number("rate", now.rate),
        burst=fields.number("burst", now.burst, at_least=1),
        window=fields.number("window", now.window),
        sliding=fields.flag("sliding", now.sliding),
        on=fields.choice("on", _ON, now.on),
        code=fields.text("code", now.code),
        poll_rate=fields.number("poll_rate", now.poll_rate),
        retry_after=fields.retry_after(now.retry_after),
        max_bytes=fields.whole("max_bytes", now.max_bytes),
        max_seconds=fields.number("max_seconds", now.max_seconds),
    )
    fields.done()
    if 0 in (settings.rate, settings.poll_rate, settings.window):
        raise FieldError("rate, poll_rate and window have to be above 0; to let nothing pass, throttle")
    if settings.window is not None and (settings.rate is None or settings.rate != int(settings.rate)):
        raise FieldError("window needs rate to be a whole number of requests")
    if settings.sliding and settings.window is None:
        raise FieldError("sliding needs a window")
    if settings.burst is not None and (settings.rate is None or settings.window is not None):
        raise FieldError("burst needs a rate and no window")
    laboratory.limits.configure(settings)
    rules = laboratory.service.rules
    rules.max_bytes = MAX_BYTES if settings.max_bytes is None else settings.max_bytes
    rules.max_seconds = MAX_SECONDS if settings.max_seconds is None else settings.max_seconds
    return web.json_response({"limits": asdict(settings)})


async def faults(request: web.Request) -> web.Response:
    """`{kind, on?, count?, seconds?, after?}`: make the next `count` requests fail."""
    pending = request.app[LABORATORY].faults.pending
    fields = await Fields.of(request)
    fault = Fault(
        kind=fields.choice("kind", KINDS),
        on=fields.choice("on", FAULT_ON, "all"),
        count=fields.whole("count", 1, at_least=1) or 1,
        seconds=fields.number("seconds", None),
        after=fields.flag("after", False),
    )
    fields.done()
    if fault.after and fault.on not in ("submit", "all"):
        raise FieldError("after is for submits: the other requests change nothing")
    pending.append(fault)
    return web.json_response({"faults": [asdict(item) for item in pending]})


async def no_faults(request: web.Request) -> web.Response:
    """Cancel the faults that have not struck yet."""
    request.app[LABORATORY].faults.pending.clear()
    return web.json_response({"faults": []})


async def turnaround(request: web.Request) -> web.Response:
    """`{factor?, sigma?, seconds?, seed?, progress?}`: set the shortest turnaround of new jobs, by default 0.

    With `progress`, polls tell how far a job is, as if it ran evenly for that time.
    """
    laboratory = request.app[LABORATORY]
    fields = await Fields.of(request)
    factor, sigma = fields.number("factor", 0) or 0, fields.number("sigma", 0) or 0
    seconds, seed = fields.number("seconds", 0) or 0, fields.whole("seed", None)
    progress = fields.flag("progress", False)
    fields.done()
    laboratory.service.rules.tells_time = progress
    noise = random.Random(seed)  # noqa: S311 - noise, no secret
    laboratory.service.rules.shortest = Turnaround(seconds, factor, sigma, noise).draw
    told = {"factor": factor, "sigma": sigma, "seconds": seconds, "progress": progress}
    return web.json_response({"turnaround": told})


async def lifetimes(request: web.Request) -> web.Response:
    """`{token_seconds?, result_seconds?, revoke_tokens?}`: null restores the vendor's own lifetime."""
    laboratory = request.app[LABORATORY]
    rules = laboratory.service.rules
    fields = await Fields.of(request)
    token = fields.number("token_seconds", rules.token_seconds)
    result = fields.number("result_seconds", rules.result_seconds)
    revoke = fields.flag("revoke_tokens", False)
    fields.done()
    rules.token_seconds = TOKEN_SECONDS if token is None else token
    rules.result_seconds = result
    if revoke:
        laboratory.service.store.forget_tokens()
    return web.json_response({"lifetimes": {"token_seconds": rules.token_seconds, "result_seconds": result}})


async def stats(request: web.Request) -> web.Response:
    """Return requests by route and status, jobs by state, and how often the same audio was accepted."""
    laboratory = request.app[LABORATORY]
    jobs = laboratory.service.store.counts(time.time())
    audio = laboratory.service.store.audio_counts()
    return web.json_response(
        {
            "jobs": jobs,
            "jobs_by_model": {model: laboratory.service.store.counts(time.time(), model) for model in MODELS},
            "duplicates": jobs["accepted"] - len(audio),
            "audio": audio,
            **laboratory.stats.as_json(),
        }
    )


async def jobs(request: web.Request) -> web.Response:
    """Return every job that was accepted, oldest first: its id, and the hash of its audio."""
    accepted = request.app[LABORATORY].service.store.accepted()
    return web.json_response({"jobs": [{"id": job_id, "sha256": sha256} for job_id, sha256 in accepted]})


async def reset(request: web.Request) -> web.Response:
    """`{tokens?}`: forget jobs, counts, limits, faults and times; tokens only if asked to."""
    laboratory = request.app[LABORATORY]
    fields = await Fields.of(request)
    tokens = fields.flag("tokens", False)
    fields.done()
    await laboratory.service.runner.stop()
    laboratory.service.store.forget_jobs()
    if tokens:
        laboratory.service.store.forget_tokens()
    laboratory.limits.clear()
    laboratory.faults.pending.clear()
    laboratory.stats.clear()
    laboratory.restore_rules()
    laboratory.service.runner.start()
    return web.json_response({"reset": True})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a control request from another machine, or from a page of another site."""
    if not request.path.startswith("/control/"):
        return await handler(request)
    origin = request.headers.get("Origin")
    if not (
        _is_loopback(request.remote)
        and _is_loopback(urlsplit(f"//{request.host}").hostname)
        and origin in (None, f"http://{request.host}")
    ):
        return web.json_response({"error": "the controls are only for programs on this machine"}, status=403)
    return await handler(request)


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an invalid control request with 400 and a sentence."""
    try:
        return await handler(request)
    except FieldError as error:
        return web.json_response({"error": str(error)}, status=400)


def routes() -> list[web.AbstractRouteDef]:
    return [
        web.post("/control/throttle", throttle),
        web.post("/control/limits", limits),
        web.post("/control/faults", faults),
        web.delete("/control/faults", no_faults),
        web.post("/control/turnaround", turnaround),
        web.post("/control/lifetimes", lifetimes),
        web.get("/control/stats", stats),
        web.get("/control/jobs", jobs),
        web.post("/control/reset", reset),
    ]
