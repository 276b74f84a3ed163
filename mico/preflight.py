"""Checks of everything that a demonstration needs. Each one does for real what Mico itself will do.

A check returns a few words about its result, or raises Failed with what is wrong and what to do.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

import aiohttp
import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from mico.run import speech
from mico.run.surroundings import NotHereError
from transcription import room
from transcription.gate import Ok, Outcome, Purpose, Unused, Wait
from transcription.live import presence
from transcription.live.redis_client import redis_client
from transcription.service import disk
from transcription.service.accounts import gate_of
from transcription.service.reports import outcome_of, report
from transcription.vendors import base as vendor
from transcription.vendors.registry import get_vendor

SOCKET_SECONDS = 10.0
NOT_SIGNED_IN = 4401  # the close code of a meeting's socket for a client without a session
MAKE_ROOM = (
    "Make room: manage.py sweep, delete meetings, or enlarge the disk. What waits then goes on by itself."
)


class Failed(Exception):
    """A check failed; the message says what to do."""


def database() -> str:
    """Check that the database answers and has all tables."""
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        raise Failed(f"It does not answer ({_line(error)}). Start it, or correct DATABASE_URL.") from error
    if missing:
        raise Failed(f"{missing} migrations are not applied. Run manage.py migrate.")
    return str(connection.display_name)


def redis_server() -> str:
    """Check that Redis answers, accepts writes and never evicts keys."""
    client, key = redis_client(), f"mico:preflight:{secrets.token_hex(8)}"
    try:
        client.set(key, "1", ex=60)
        client.delete(key)
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except redis.RedisError as error:
        if room.is_full(error):
            raise Failed(f"It answers, but cannot keep anything ({_line(error)}). {MAKE_ROOM}") from error
        raise Failed(f"It does not answer ({_line(error)}). Start it, or correct REDIS_URL.") from error
    if policy != "noeviction":
        raise Failed(
            f"It may throw keys away (maxmemory-policy {policy}), the queue among them."
            " Set maxmemory-policy to noeviction."
        )
    return "takes writes"


def workers() -> str:
    """Check that at least one worker is alive."""
    count = _alive()["workers"]
    if not count:
        raise Failed("None is alive. Start one with manage.py rqworker, and look into its log.")
    return f"{count} alive"


def dispatcher() -> str:
    """Check that at least one dispatcher is alive."""
    count = _alive()["dispatchers"]
    if not count:
        raise Failed("None is alive. Start one with manage.py dispatch, and look into its log.")
    return f"{count} alive"


def recognition() -> str:
    """Check the files of the embedded speech recognition, and that they fit into this machine."""
    try:
        return speech.get_ready()
    except NotHereError as error:
        raise Failed(str(error)) from error


def speech_to_text() -> str:
    """Check that the gate is open and the vendor accepts our credentials, with one request through the gate."""
    name = settings.STT_VENDOR
    try:
        gate = gate_of(name)
        state = gate.state()
        if state.mode != "open":
            raise Failed(
                f"The gate is closed ({state.mode}, {state.reason}{_until(state.reopens_at)})."
                " Wait for it, or resume it in the admin."
            )
        permit = gate.acquire(Purpose.POLL)
    except redis.RedisError as error:
        raise Failed("Not known while Redis does not answer.") from error
    if isinstance(permit, Wait):
        raise Failed(f"The gate lets nothing through for {permit.seconds:.1f} s. Try again then.")
    outcome: Outcome = Unused()
    try:
        outcome = _round_trip(name)
    except vendor.VendorError as error:
        outcome = outcome_of(error)
        _explain(error)
    finally:
        report(gate, permit, outcome)
    return f"{get_vendor(name).label} accepts the credentials"


def _round_trip(name: str) -> Outcome:
    get_vendor(name).ask()
    return Ok()


def _explain(error: vendor.VendorError) -> NoReturn:
    match error:
        case vendor.AuthFailed():
            advice = "Correct RTZR_CLIENT_ID and RTZR_CLIENT_SECRET."
        case vendor.Throttled():
            advice = "It throttles at this moment: recordings would wait. Try again in a minute."
        case vendor.QuotaExhausted():
            advice = "Top up the account with the vendor, then resume the gate in the admin."
        case _:
            advice = f"Look at {settings.STT_VENDORS[settings.STT_VENDOR]['base_url']} and the way to it."
    raise Failed(f"{error} {advice}") from error


def storage() -> str:
    """Check that a file can be written, read back and deleted, and that there is room for more."""
    content = secrets.token_bytes(64)
    name = f"preflight/{secrets.token_hex(8)}"
    try:
        try:
            name = default_storage.save(name, ContentFile(content))
            with default_storage.open(name) as file:
                same = file.read() == content
        finally:
            default_storage.delete(name)
    except Exception as error:
        if room.is_full(error):
            raise Failed(f"The disk is full ({_line(error)}). {MAKE_ROOM}") from error
        # Storages raise exceptions of their own, and this check has to report any of them.
        raise Failed(
            f"{_line(error)}. Recordings need a place: look at MICO_DATA or the storage's settings."
        ) from error
    if not same:
        raise Failed("What was read is not what was written. Look at the storage.")
    now = disk.disk()
    free = "not known" if now.free_bytes is None else f"{now.free_bytes // 1024**2} MB"
    if now.is_full:
        raise Failed(
            f"The disk is full, or was: {free} free in MICO_DATA, and {now.times or 0} times of late"
            f" something found no room. {MAKE_ROOM}"
        )
    return f"written, read, deleted; {free} free"


def web_socket(url: str) -> str:
    """Make a browser's handshake with a running web process, and wait for the meeting socket's answer."""
    origin = url if url else f"{'https' if settings.HTTPS else 'http'}://{_public_host()}"
    base = url or f"http://{_local_address()}:{settings.PORT}"
    try:
        code = asyncio.run(_handshake(f"{base.rstrip('/')}/ws/meetings/0/", origin))
    except aiohttp.WSServerHandshakeError as error:
        raise Failed(
            f"{base} answers {error.status} to the handshake from {origin}. Look at ALLOWED_HOSTS, and whether"
            " a proxy in between passes Upgrade on."
        ) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Failed(
            f"{base} does not answer ({_line(error)}). Start web, or name its address with --url."
        ) from error
    if code != NOT_SIGNED_IN:
        raise Failed(
            f"{base} closed the socket with {code}, which Mico does not say. Is another program there?"
        )
    return base


async def _handshake(url: str, origin: str) -> int | None:
    """Return the close code of the socket."""
    async with (
        asyncio.timeout(SOCKET_SECONDS),
        aiohttp.ClientSession() as session,
        session.ws_connect(url, origin=origin) as socket,
    ):
        await socket.receive()
        return socket.close_code


def _public_host() -> str:
    host = next((name for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    return f"www{host}" if host.startswith(".") else host


def _local_address() -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def _alive() -> presence.Presence:
    try:
        return presence.alive()
    except redis.RedisError as error:
        raise Failed("Not known while Redis does not answer.") from error


def _until(seconds: float | None) -> str:
    return "" if seconds is None else f", next try {datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def checks(url: str) -> list[tuple[str, Callable[[], str]]]:
    """Return the checks, ordered so that a failure explains later ones. `url`: of web; empty for this machine."""
    return [
        ("database", database),
        ("redis", redis_server),
        ("dispatcher", dispatcher),
        ("workers", workers),
        *([("recognition", recognition)] if settings.EMBEDDED_VENDOR else []),
        ("vendor", speech_to_text),
        ("storage", storage),
        ("socket", lambda: web_socket(url)),
    ]
