"""The controls: make the vendor throttle, limit, fail and forget, and read what it saw (docs/emulator.md).

Controls work whatever faults are set. They need no credentials, as the program is for tests and demonstrations.
"""

from __future__ import annotations

import random
import time
from dataclasses import asdict, replace

from aiohttp import web

from ..service.protocol import TOKEN_SECONDS
from ..service.routes import VENDOR, Handler, Turnaround
from .faults import FAULT_ON, KINDS, Fault
from .fields import FieldError, Fields
from .limits import TOO_MANY_POLLS, On

_ON: tuple[On, ...] = ("submit", "poll", "all")


async def throttle(request: web.Request) -> web.Response:
    """`{seconds, code?, retry_after?, on?}`: answer 429 for so many seconds; 0 ends it."""
    vendor = request.app[VENDOR]
    fields = await Fields.of(request)
    seconds = fields.number("seconds", None)
    if seconds is None:
        raise FieldError("seconds is required")
    code = fields.text("code", TOO_MANY_POLLS)
    retry_after = fields.retry_after()
    on = fields.choice("on", _ON, "all")
    fields.done()
    vendor.limits.throttle(on, seconds, code, retry_after)
    return web.json_response({"throttled": vendor.limits.throttled()})


async def limits(request: web.Request) -> web.Response:
    """Change the named limits and leave the others; null clears one. All counts start anew."""
    vendor = request.app[VENDOR]
    fields = await Fields.of(request)
    now = vendor.limits.settings
    settings = replace(
        now,
        concurrency=fields.whole("concurrency", now.concurrency),
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
    vendor.limits.configure(settings)
    return web.json_response({"limits": asdict(settings)})


async def faults(request: web.Request) -> web.Response:
    """`{kind, on?, count?, seconds?, after?}`: make the next `count` requests fail."""
    pending = request.app[VENDOR].faults.pending
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
    request.app[VENDOR].faults.pending.clear()
    return web.json_response({"faults": []})


async def turnaround(request: web.Request) -> web.Response:
    """`{factor?, sigma?, seconds?, seed?}`: set the shortest turnaround of new jobs. Fields default to 0."""
    vendor = request.app[VENDOR]
    fields = await Fields.of(request)
    factor, sigma = fields.number("factor", 0) or 0, fields.number("sigma", 0) or 0
    seconds, seed = fields.number("seconds", 0) or 0, fields.whole("seed", None)
    fields.done()
    vendor.turnaround = Turnaround(seconds, factor, sigma, random.Random(seed))  # noqa: S311 - noise, no secret
    return web.json_response({"turnaround": {"factor": factor, "sigma": sigma, "seconds": seconds}})


async def lifetimes(request: web.Request) -> web.Response:
    """`{token_seconds?, result_seconds?, revoke_tokens?}`: null restores the vendor's own lifetime."""
    vendor = request.app[VENDOR]
    fields = await Fields.of(request)
    token = fields.number("token_seconds", vendor.lifetimes.token)
    result = fields.number("result_seconds", vendor.lifetimes.result)
    revoke = fields.flag("revoke_tokens", False)
    fields.done()
    vendor.lifetimes.token = TOKEN_SECONDS if token is None else token
    vendor.lifetimes.result = result
    if revoke:
        vendor.store.forget_tokens()
    return web.json_response(
        {"lifetimes": {"token_seconds": vendor.lifetimes.token, "result_seconds": result}}
    )


async def stats(request: web.Request) -> web.Response:
    """Return requests by route and status, jobs by state, and how often the same audio was accepted."""
    vendor = request.app[VENDOR]
    jobs = vendor.store.counts(time.time())
    audio = vendor.store.audio_counts()
    return web.json_response(
        {"jobs": jobs, "duplicates": jobs["accepted"] - len(audio), "audio": audio, **vendor.stats.as_json()}
    )


async def reset(request: web.Request) -> web.Response:
    """`{tokens?}`: forget jobs, counts, limits, faults and times; tokens only if asked to."""
    vendor = request.app[VENDOR]
    fields = await Fields.of(request)
    tokens = fields.flag("tokens", False)
    fields.done()
    await vendor.runner.stop()
    vendor.store.forget_jobs()
    if tokens:
        vendor.store.forget_tokens()
    vendor.limits.clear()
    vendor.faults.pending.clear()
    vendor.stats.clear()
    vendor.restore_times()
    vendor.runner.start()
    return web.json_response({"reset": True})


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
        web.post("/control/reset", reset),
    ]
