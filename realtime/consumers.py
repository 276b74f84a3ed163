"""The sockets of the meetings' pages and of the console: authorise, join, accept, send a snapshot, forward events.

An event costs no query. What a page may say:

    {"type": "snapshot"}                       how it finds out what it missed, and that the connection still lives
    {"type": "recording", "recording": true}   a meeting's page: its microphone is recorded, or (false) not any more

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
from transcription import events
from transcription.people.seats import Seat, seat_in, visitor_of
from transcription.snapshot import Snapshot, VendorSnapshot, meeting_snapshot, vendor_snapshot

logger = logging.getLogger(__name__)

# Close codes. The page says another thing for each; anything else means "try again".
NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4404
DELETED = 4410
TRY_AGAIN = 1013

GATE = frozenset(events.GATE_EVENTS.values())
# s; a page that asks more often than this is answered from time to time.
SNAPSHOT_EVERY = 2.0


class PageConsumer(AsyncJsonWebsocketConsumer):
    """One browser that looks at one page. What kind of page is for the classes below to say."""

    forwarded: frozenset[str]
    groups_joined: tuple[str, ...] = ()
    entered = False
    _last_snapshot = float("-inf")

    def is_allowed(self) -> bool:
        """Whether this person may look, now. For a thread that may query."""
        raise NotImplementedError

    def groups_of_page(self) -> tuple[str, ...]:
        """Whose events this page gets."""
        raise NotImplementedError

    def snapshot(self) -> Mapping[str, Any]:
        """Where everything is now. For a thread that may query. Called after `is_allowed`."""
        raise NotImplementedError

    def is_known(self) -> bool:
        """Whether somebody looks, and not just anybody."""
        return bool(self.scope["user"].is_authenticated)

    async def enter(self) -> None:
        """What is done before the page listens to its groups."""

    async def leave(self) -> None:
        """What is done when the page is gone, if it ever entered."""

    async def forward(self, message: dict[str, Any]) -> None:
        """Hands an event on."""
        await self.send_json(message)

    async def hear(self, said: dict[str, Any]) -> None:
        """What a page says beside asking for a snapshot."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However it ends: after an error nobody calls `disconnect`, and whoever is gone would be here for ever."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.entered:
                await self.leave()

    async def connect(self) -> None:
        """Accepts first in any case: only then does a browser get to see the code of a refusal."""
        code = await database_sync_to_async(self._refusal)()
        if code is not None:
            await self._refuse(code)
            return
        self.entered = True
        await self.enter()
        try:
            # Before the snapshot: what happens in between comes twice rather than never.
            await self._join(*self.groups_of_page())
        except (redis.RedisError, OSError) as error:
            logger.warning("No socket while Redis is away: %s", error)
            await self._refuse(TRY_AGAIN)
            return
        await self.accept()
        await self._look()

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
        if kind in self.forwarded:
            await self.forward(message)
        elif kind.startswith("websocket."):
            await super().dispatch(message)
        else:
            logger.warning("Event of an unknown type dropped: %r", kind)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """What a page says. Whatever else comes is nothing that we have to answer."""
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
            self.groups_joined += (group,)  # before: half joined has to be left too
            await self.channel_layer.group_add(group, self.channel_name)

    async def _look(self) -> None:
        """Sends where everything is. Who may look is asked again, after joining the groups too: of a removal before
        that, no event told."""
        self._last_snapshot = time.monotonic()
        seen = await database_sync_to_async(self._seen)()
        if isinstance(seen, int):
            await self.close(code=seen)
        else:
            await self.send_json(seen)

    def _seen(self) -> int | Mapping[str, Any]:
        """The snapshot, or the code of a refusal."""
        code = self._refusal()
        return self.snapshot() if code is None else code

    def _refusal(self) -> int | None:
        """The code of a refusal; None: this person may look. A session may be over since the page was opened."""
        session = self.scope.get("session")
        lives = session is None or bool(session.session_key and session.exists(session.session_key))
        if not lives or not self.is_known():
            return NOT_SIGNED_IN
        return None if self.is_allowed() else NOT_ALLOWED


class MeetingConsumer(PageConsumer):
    """A meeting's page: for its participants, with an account or as guests."""

    forwarded = GATE | {"recording.changed", "participant.changed", "meeting.changed", "attendance.changed"}
    seat: Seat | None = None

    @property
    def meeting_id(self) -> int:
        """The meeting of the address."""
        number: int = self.scope["url_route"]["kwargs"]["meeting_id"]
        return number

    def is_known(self) -> bool:
        """Guests too."""
        self.visitor = visitor_of(self.scope["user"], self.scope.get("session"))
        return self.visitor.known

    def is_allowed(self) -> bool:
        """Who has a seat in the meeting."""
        self.seat = seat_in(self.meeting_id, self.visitor)
        return self.seat is not None

    def groups_of_page(self) -> tuple[str, ...]:
        """The meeting's, and that of the vendor that it waits for."""
        return events.meeting_group(self.meeting_id), events.stt_group(settings.STT_VENDOR)

    def snapshot(self) -> Snapshot:
        """The meeting's state, its people's, its recordings' versions, and the gate."""
        return meeting_snapshot(self._sits().meeting)

    async def enter(self) -> None:
        """Is here from now on. It needs not hear of itself."""
        seat = self._sits()
        self.participant_id = seat.participant.pk
        ended = seat.meeting.ended_at is not None
        self.pulse = Pulse(self.meeting_id, self.participant_id, ended, self.channel_layer)
        await self.pulse.start()

    async def leave(self) -> None:
        """Is not here any more, and does not record."""
        await self.pulse.stop()

    async def hear(self, said: dict[str, Any]) -> None:
        """Whether this page records."""
        match said:
            case {"type": "recording", "recording": bool(recording)}:
                self.pulse.record(recording)

    async def forward(self, message: dict[str, Any]) -> None:
        """Hands an event on, unless it is about this person, or the meeting is no more."""
        if message["type"] == "participant.changed" and message.get("removed") == self.participant_id:
            await self.close(code=NOT_ALLOWED)
            return
        if message["type"] == "meeting.changed":
            if message["state"] == "deleted":
                await self.close(code=DELETED)
                return
            self.pulse.end(message["state"] == "ended")
        await super().forward(message)

    def _sits(self) -> Seat:
        assert self.seat is not None  # noqa: S101 - nobody comes this far without one
        return self.seat


class VendorConsumer(PageConsumer):
    """A vendor's page in the admin: for staff who may see the gate's history."""

    forwarded = GATE

    @property
    def vendor(self) -> str:
        """The vendor of the address."""
        name: str = self.scope["url_route"]["kwargs"]["vendor"]
        return name

    def is_allowed(self) -> bool:
        """As the admin has it. Asked of the database: the socket's user was loaded when it opened."""
        user = User.objects.filter(pk=self.scope["user"].pk, is_active=True, is_staff=True).first()
        may_look = user is not None and any(
            user.has_perm(f"transcription.{action}_gateevent") for action in ("view", "change")
        )
        return may_look and self.vendor in settings.STT_VENDORS

    def groups_of_page(self) -> tuple[str, ...]:
        """The vendor's."""
        return (events.stt_group(self.vendor),)

    def snapshot(self) -> VendorSnapshot:
        """The gate, and who is alive."""
        return vendor_snapshot(self.vendor)
