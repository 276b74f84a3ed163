"""Liveness of this process (`/healthz`) and readiness of the whole of Mico (`/readyz`).

This is a middleware, the first one, and not a view. Load balancers and supervisors have no account, may send an
address as the host name, and must not be redirected to https.
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
    """Answer `/healthz` and `/readyz`, and pass every other request on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Allow GET and HEAD. `/readyz` answers 503 until everything is ready."""
        if request.path_info not in ("/healthz", "/readyz"):
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return JsonResponse({"ok": False}, status=405, headers={"Allow": "GET, HEAD"})
        checks = {} if request.path_info == "/healthz" else readiness()
        ok = all(result == OK for result in checks.values())
        content = {"ok": ok, "checks": checks} if checks else {"ok": ok}
        response = JsonResponse(content, status=200 if ok else 503, headers={"Cache-Control": "no-store"})
        # Django logs every 503 as an error, and a client that waits for readiness polls ten times a second.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response


def readiness() -> dict[str, str]:
    """Return "ok" or a sentence for each dependency. No sentence quotes a server's message, since anyone may ask."""
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
