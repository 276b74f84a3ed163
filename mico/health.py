"""Is this process up (`/healthz`), and can the whole of Mico do its work (`/readyz`)?

A middleware and the first one, not views: whoever asks is a load balancer or a supervisor. It has no account,
names a machine's address in place of a host that we know, and must not be redirected to https.
"""

import logging
from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from transcription.live.presence import alive

OK = "ok"
logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Answers `/healthz` and `/readyz`, and passes on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """GET and HEAD; 503 from `/readyz` as long as a part is missing."""
        if request.path_info not in ("/healthz", "/readyz"):
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return JsonResponse({"ok": False}, status=405, headers={"Allow": "GET, HEAD"})
        checks = {} if request.path_info == "/healthz" else readiness()
        ok = all(result == OK for result in checks.values())
        content = {"ok": ok, "checks": checks} if checks else {"ok": ok}
        response = JsonResponse(content, status=200 if ok else 503, headers={"Cache-Control": "no-store"})
        # Django logs each 503 as an error; somebody who waits for us to get ready asks ten times a second.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response


def readiness() -> dict[str, str]:
    """What the work needs, each "ok" or a sentence. No sentence repeats what a server said: anybody may ask."""
    return {"database": _database(), **_redis()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("Not ready: %s", error)
        return "The database does not answer."
    return OK


def _redis() -> dict[str, str]:
    try:
        presence = alive()
    except redis.RedisError as error:
        logger.warning("Not ready: %s", error)
        unknown = "Not known while Redis does not answer."
        return {"redis": "Redis does not answer.", "dispatcher": unknown, "worker": unknown}
    return {
        "redis": OK,
        "dispatcher": OK if presence["dispatchers"] else "No dispatcher is alive (manage.py dispatch).",
        "worker": OK if presence["workers"] else "No worker is alive (manage.py rqworker).",
    }
