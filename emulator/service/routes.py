"""The service's routes: authenticate, submit, poll (https://developers.rtzr.ai/docs/stt-file/)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .audio import probe
from .config import parse_config
from .protocol import TOO_MANY_JOBS, VendorError
from .service import OUTCOME, ROUTES, SERVICE, Outcome, Service
from .store import Job
from .upload import receive

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def healthz(request: web.Request) -> web.Response:
    """Answer that the process is up, and what it recognises with."""
    service = request.app[SERVICE]
    return web.json_response({"emulator": "rtzr", "engine": service.engine_name, **service.engine.about()})


async def authenticate(request: web.Request) -> web.Response:
    """Form fields -> `{"access_token", "expire_at": unix seconds}`. The token is opaque to clients."""
    service = request.app[SERVICE]
    form = await request.post()
    client_id, client_secret = form.get("client_id"), form.get("client_secret")
    if (
        not isinstance(client_id, str)
        or not isinstance(client_secret, str)
        or not client_id
        or not client_secret
    ):
        raise VendorError("H0001", "client_id and client_secret are required")
    if not service.knows(client_id, client_secret):
        raise VendorError("H0002")
    token, expire_at = secrets.token_urlsafe(32), time.time() + service.rules.token_seconds
    service.store.add_token(token, client_id, expire_at)
    return web.json_response({"access_token": token, "expire_at": int(expire_at)})


async def submit(request: web.Request) -> web.Response:
    """Multipart `file` and `config` -> `{"id"}`. A refused submit leaves nothing behind."""
    service, rules = request.app[SERVICE], request.app[SERVICE].rules
    account = service.account(request)
    if service.door is not None:
        service.door.admit("submit", account)
    job_id = secrets.token_urlsafe(16)
    path = service.store.audio_path(job_id)
    accepted = False
    try:
        upload = await receive(request, path, rules.max_bytes)
        config = parse_config(upload.config, service.engine.languages)
        duration_ms = await asyncio.to_thread(probe, path)
        if duration_ms > rules.max_seconds * 1000:
            raise VendorError("H0006", f"the limit is {rules.max_seconds} seconds")
        now = time.time()
        # Nothing awaits from here on, so that concurrent uploads cannot all pass the limit.
        if service.door is not None:
            model = config.model_name
            service.door.admit_job(model, lambda: service.store.transcribing(account, model, now))
        if not service.engine.has_room(duration_ms):
            raise VendorError(TOO_MANY_JOBS, "this machine has as much to do as it can")
        ready_at = now + rules.shortest(duration_ms / 1000)
        job = Job(job_id, account, config, upload.sha256, duration_ms, now, ready_at)
        service.store.add(job)
        service.runner.add(job)
        accepted = True
    finally:
        if not accepted:
            path.unlink(missing_ok=True)
    request[OUTCOME].job, request[OUTCOME].ready_at = job_id, ready_at
    return web.json_response({"id": job_id})


async def poll(request: web.Request) -> web.Response:
    """Return the state of a job, with its results or its error."""
    service = request.app[SERVICE]
    account = service.account(request)
    job_id = request.match_info["id"]
    request[OUTCOME].job = job_id
    if service.door is not None:
        service.door.admit("poll", account)
    job = service.store.job(job_id)
    if job is None:
        raise VendorError("H0004")
    if job.client_id != account:
        raise VendorError("H0003")
    return web.json_response(_state(service, job, time.time()))


def _state(service: Service, job: Job, now: float) -> dict[str, Any]:
    if job.finished_at is None or job.is_transcribing(now):
        state: dict[str, Any] = {"id": job.id, "status": "transcribing"}
        done_ms = service.runner.progress.get(job.id)
        if done_ms is None and service.rules.tells_time:
            done_ms = round(job.duration_ms * job.part_of_time(now))
        if done_ms is not None:  # an extension: RTZR tells nothing about a job that runs
            state["progress"] = {"done_ms": done_ms, "duration_ms": job.duration_ms}
        return state
    kept = service.rules.result_seconds
    if kept is not None and now >= job.finished_at + kept:
        raise VendorError("H0007")
    if job.error is not None:
        return {"id": job.id, "status": "failed", "error": job.error}
    return {"id": job.id, "status": "completed", "results": {"utterances": job.utterances}}


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an error of the service's routes as the vendor does, and note what came of the request."""
    if request.match_info.route.name not in ROUTES:
        return await handler(request)
    if OUTCOME not in request:
        request[OUTCOME] = Outcome()
    outcome = request[OUTCOME]
    try:
        return await handler(request)
    except ConnectionError:  # the client disconnected while it sent its body
        outcome.answered = False
        return web.Response()
    except VendorError as error:
        outcome.code = error.code
        return refusal(error)
    except web.HTTPException:
        raise
    except Exception:
        logger.exception("%s", request.match_info.route.name)
        outcome.code = "E500"
        return refusal(VendorError("E500"))


def refusal(error: VendorError) -> web.Response:
    """Return the vendor's answer for an error."""
    response = web.json_response({"code": error.code, "msg": error.msg}, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    return response


def routes() -> list[web.AbstractRouteDef]:
    return [
        web.get("/", healthz),
        web.get("/healthz", healthz),
        web.post("/v1/authenticate", authenticate, name="authenticate"),
        web.post("/v1/transcribe", submit, name="submit"),
        web.get("/v1/transcribe/{id}", poll, name="poll", allow_head=False),
    ]
