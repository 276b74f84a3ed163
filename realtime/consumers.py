"""The socket of a meeting's page: authorise, join, accept, send a snapshot, then forward events.

An event costs no query. The page may ask for another snapshot (`{"type": "snapshot"}`): that is how it finds
out what it missed, and that the connection still lives.
"""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import json
import logging
import time
from typing import Any

import redis
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from transcription import events
from transcription.models import Meeting

logger = logging.getLogger(__name__)

# Close codes. The page says another thing for each; anything else means "try again".
NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4404
TRY_AGAIN = 1013

FORWARDED = frozenset({"recording.changed", "stt.delayed", "stt.moved", "stt.resumed", "participant.changed"})
# s; a page that asks more often than this is answered from time to time.
SNAPSHOT_EVERY = 2.0


class MeetingConsumer(AsyncJsonWebsocketConsumer):
    """One browser that looks at one meeting."""

    groups_joined: tuple[str, ...] = ()
    _last_snapshot = float("-inf")

    async def connect(self) -> None:
        """Accepts first in any case: only then does a browser get to see the code of a refusal."""
        self.meeting_id: int = self.scope["url_route"]["kwargs"]["meeting_id"]
        if not self.scope["user"].is_authenticated:
            await self._refuse(NOT_SIGNED_IN)
            return
        if not await database_sync_to_async(self._is_allowed)():
            await self._refuse(NOT_ALLOWED)
            return
        try:
            # Before the snapshot: what happens in between comes twice rather than never.
            await self._join(events.meeting_group(self.meeting_id), events.stt_group(settings.STT_VENDOR))
        except (redis.RedisError, OSError) as error:
            logger.warning("No socket while Redis is away: %s", error)
            await self._refuse(TRY_AGAIN)
            return
        await self.accept()
        await self._send_snapshot()

    async def disconnect(self, code: int) -> None:
        """Leaves the groups."""
        for group in self.groups_joined:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except (redis.RedisError, OSError) as error:
                logger.info("Group %s left by itself: %s", group, error)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Forwards events. A type that nobody knows is dropped here: left to Channels it would end the socket."""
        kind = message["type"]
        if kind in FORWARDED:
            if kind == "participant.changed" and not await database_sync_to_async(self._is_allowed)():
                await self.close(code=NOT_ALLOWED)  # it was about this person
                return
            await self.send_json(message)
        elif kind.startswith("websocket."):
            await super().dispatch(message)
        else:
            logger.warning("Event of an unknown type dropped: %r", kind)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """The one thing that a page asks for. Whatever else comes is nothing that we have to answer."""
        try:
            asked = json.loads(text_data or "null")
        except ValueError:
            return
        if not isinstance(asked, dict) or asked.get("type") != "snapshot":
            return
        if time.monotonic() - self._last_snapshot < SNAPSHOT_EVERY:
            return
        if not await database_sync_to_async(self._is_signed_in)():
            await self.close(code=NOT_SIGNED_IN)
        elif not await database_sync_to_async(self._is_allowed)():
            await self.close(code=NOT_ALLOWED)
        else:
            await self._send_snapshot()

    async def _refuse(self, code: int) -> None:
        await self.accept()
        await self.close(code=code)

    async def _join(self, *groups: str) -> None:
        for group in groups:
            self.groups_joined += (group,)  # before: half joined has to be left too
            await self.channel_layer.group_add(group, self.channel_name)

    async def _send_snapshot(self) -> None:
        self._last_snapshot = time.monotonic()
        await self.send_json(await database_sync_to_async(events.snapshot)(self.meeting_id))

    def _is_allowed(self) -> bool:
        return Meeting.objects.visible_to(self.scope["user"]).filter(pk=self.meeting_id).exists()

    def _is_signed_in(self) -> bool:
        session = self.scope.get("session")
        return session is None or bool(session.session_key and session.exists(session.session_key))
