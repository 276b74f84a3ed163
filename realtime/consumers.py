"""The WebSockets of the meeting page and of the vendor console.

A connection is authorised, joins its groups, is accepted and gets a snapshot; then events are forwarded to it,
without a query for each. A page may send:

    {"type": "snapshot"}                       to learn what it missed, and that the connection still works
    {"type": "recording", "recording": true}   meeting page only: it has started (or, with false, stopped) recording

Anything else is dropped.
"""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import redis
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User

from realtime.pulse import Pulse
from realtime.way import Way
from transcription import events
from transcription.people.seats import Seat, seat_in, visitor_of
from transcription.snapshot import Snapshot, VendorSnapshot, meeting_snapshot, vendor_snapshot

logger = logging.getLogger(__name__)

# Close codes. The page shows a message of its own for each of these; any other code makes it reconnect.
NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4404
DELETED = 4410
TRY_AGAIN = 1013

GATE = frozenset(events.GATE_EVENTS.values())
# Shortest time between two snapshots that a page asks for, in seconds; requests in between are dropped.
SNAPSHOT_EVERY = 2.0


class PageConsumer(AsyncJsonWebsocketConsumer):
    """The connection of one page. Subclasses define access, groups, snapshot and forwarded events."""

    forwarded: frozenset[str]
    groups_joined: tuple[str, ...] = ()
    entered = False
    _last_snapshot = float("-inf")

    def is_allowed(self) -> bool:
        """Return whether this visitor may see the page now. Runs in a thread that may query."""
        raise NotImplementedError

    def groups_of_page(self) -> tuple[str, ...]:
        """Return the channel groups whose events the page receives."""
        raise NotImplementedError

    def snapshot(self) -> Mapping[str, Any]:
        """Return the page's current state. Runs in a thread that may query, after `is_allowed`."""
        raise NotImplementedError

    def is_known(self) -> bool:
        """Return whether the visitor is identified."""
        return bool(self.scope["user"].is_authenticated)

    async def enter(self) -> None:
        """Called once access is granted, before the connection joins its groups."""

    async def leave(self) -> None:
        """Called when the connection ends, if `enter` was called."""

    async def forward(self, message: dict[str, Any]) -> None:
        """Send an event to the page."""
        await self.send_json(message)

    async def hear(self, said: dict[str, Any]) -> None:
        """Handle a message of the page other than a request for a snapshot."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the connection and always call `leave`: after an error Channels does not call `disconnect`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.entered:
                await self.leave()

    async def connect(self) -> None:
        """Authorise the connection. A refused one is accepted first, or the browser would not see the close code."""
        code = await database_sync_to_async(self._refusal)()
        if code is not None:
            await self._refuse(code)
            return
        self.entered = True
        await self.enter()
        try:
            # Join before the snapshot: an event in between then arrives twice rather than never.
            await self._join(*self.groups_of_page())
        except (redis.RedisError, OSError) as error:
            logger.warning("A socket is refused while Redis is unavailable: %s", error)
            await self._refuse(TRY_AGAIN)
            return
        await self.accept()
        await self._look()

    async def disconnect(self, code: int) -> None:
        """Leave the groups."""
        for group in self.groups_joined:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except (redis.RedisError, OSError) as error:
                logger.info("The group %s could not be left, and ends with its connection: %s", group, error)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Forward an event. An unknown type is dropped here, because Channels would end the connection."""
        kind = message["type"]
        if kind in self.forwarded:
            await self.forward(message)
        elif kind.startswith("websocket."):
            await super().dispatch(message)
        else:
            logger.warning("Event of an unknown type dropped: %r", kind)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Handle a message of the page. A malformed or unknown one is dropped."""
        try:
            said = json.loads(text_data or "null")
        except (ValueError, RecursionError):
            return
        match said:
            case {"type": "snapshot"}:
                if time.monotonic() - self._last_snapshot >= SNAPSHOT_EVERY:
                    await self._look()
            case {"type": str()}:
                await self.hear(said)

    async def _refuse(self, code: int) -> None:
        await self.accept()
        await self.close(code=code)

    async def _join(self, *groups: str) -> None:
        for group in groups:
            self.groups_joined += (group,)  # before the await, so that a group joined halfway is left too
            await self.channel_layer.group_add(group, self.channel_name)

    async def _look(self) -> None:
        """Send a snapshot, or close the connection if the visitor may no longer see the page.

        Access is checked again after joining the groups: a removal in between would have sent no event.
        """
        self._last_snapshot = time.monotonic()
        seen = await database_sync_to_async(self._seen)()
        if isinstance(seen, int):
            await self.close(code=seen)
        else:
            await self.send_json(seen)

    def _seen(self) -> int | Mapping[str, Any]:
        """Return the snapshot, or the close code of a refusal."""
        code = self._refusal()
        return self.snapshot() if code is None else code

    def _refusal(self) -> int | None:
        """Return the close code of a refusal, or None. The session may have ended since the page was opened."""
        session = self.scope.get("session")
        lives = session is None or bool(session.session_key and session.exists(session.session_key))
        if not lives or not self.is_known():
            return NOT_SIGNED_IN
        return None if self.is_allowed() else NOT_ALLOWED


class MeetingConsumer(PageConsumer):
    """The connection of a meeting's page, for accounts and guests."""

    forwarded = GATE | {"recording.changed", "participant.changed", "meeting.changed", "attendance.changed"}
    seat: Seat | None = None
    way = Way(None, {})  # until the first snapshot

    @property
    def meeting_id(self) -> int:
        """The id of the meeting in the URL."""
        number: int = self.scope["url_route"]["kwargs"]["meeting_id"]
        return number

    def is_known(self) -> bool:
        """Return whether the visitor has an account or a guest's key."""
        self.visitor = visitor_of(self.scope["user"], self.scope.get("session"))
        return self.visitor.known

    def is_allowed(self) -> bool:
        """Return whether the visitor has a seat in the meeting."""
        self.seat = seat_in(self.meeting_id, self.visitor)
        return self.seat is not None

    def groups_of_page(self) -> tuple[str, ...]:
        """The groups of the meeting and of the vendor that new recordings go to."""
        return events.meeting_group(self.meeting_id), events.stt_group(settings.STT_VENDOR)

    def snapshot(self) -> Snapshot:
        """Return the state of the meeting, its people and the gate, and the versions of its recordings."""
        snapshot = meeting_snapshot(self._sits().meeting)
        self.way = Way(snapshot["stt"], snapshot["pools"])
        return snapshot

    async def enter(self) -> None:
        """Start the pulse. Its first beat comes before joining the groups, so the arrival is not echoed back."""
        seat = self._sits()
        self.participant_id = seat.participant.pk
        ended = seat.meeting.ended_at is not None
        self.pulse = Pulse(self.meeting_id, self.participant_id, ended, self.channel_layer)
        await self.pulse.start()

    async def leave(self) -> None:
        """Stop the pulse."""
        await self.pulse.stop()

    async def hear(self, said: dict[str, Any]) -> None:
        """Record whether this page is recording."""
        match said:
            case {"type": "recording", "recording": bool(recording)}:
                self.pulse.record(recording)

    async def forward(self, message: dict[str, Any]) -> None:
        """Send an event on, or close the connection if this participant was removed or the meeting deleted.

        Of the gate's events the page gets only what is about the pools that its recordings wait for.
        """
        if message["type"] in GATE:
            news = self.way.hear(message)
            if news is not None:
                await super().forward(news)
            return
        if message["type"] == "participant.changed" and message.get("removed") == self.participant_id:
            await self.close(code=NOT_ALLOWED)
            return
        if message["type"] == "meeting.changed":
            if message["state"] == "deleted":
                await self.close(code=DELETED)
                return
            self.pulse.end(message["state"] == "ended")
        await super().forward(message)
        if "language" in message:
            await self._look()  # other pools matter now

    def _sits(self) -> Seat:
        if self.seat is None:
            raise RuntimeError("The seat is set by `is_allowed`, which has to come first.")
        return self.seat


class VendorConsumer(PageConsumer):
    """The connection of a vendor's page in the admin, for staff who may view the gate's history."""

    forwarded = GATE

    @property
    def vendor(self) -> str:
        """The name of the vendor in the URL."""
        name: str = self.scope["url_route"]["kwargs"]["vendor"]
        return name

    def is_allowed(self) -> bool:
        """Check the admin's permissions, on a fresh user: the one in the scope was loaded when the socket opened."""
        user = User.objects.filter(pk=self.scope["user"].pk, is_active=True, is_staff=True).first()
        may_look = user is not None and any(
            user.has_perm(f"transcription.{action}_gateevent") for action in ("view", "change")
        )
        return may_look and self.vendor in settings.STT_VENDORS

    def groups_of_page(self) -> tuple[str, ...]:
        """The group of the vendor's gate."""
        return (events.stt_group(self.vendor),)

    def snapshot(self) -> VendorSnapshot:
        """Return the state of the gate, and the live workers and dispatchers."""
        return vendor_snapshot(self.vendor)
