"""A socket's sign of life: who has this page open is here, and may be recording; everybody is told of a change.

One task for each socket. It beats every few seconds, and at once when there is something to say, but at most every
SHORTEST seconds: a page that changes its mind all the time tells its meeting so four times a second.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import Any

import redis

from transcription import events
from transcription.live.attendance import BEAT_SECONDS, Doing, beat

logger = logging.getLogger(__name__)

SHORTEST = 0.25  # s between two beats


class Pulse:
    """Of one socket of one participant."""

    def __init__(self, meeting_id: int, participant_id: int, ended: bool, channel_layer: Any) -> None:
        self._meeting_id = meeting_id
        self._participant_id = participant_id
        self._channel_layer = channel_layer
        self._connection = secrets.token_hex(8)
        self._recording = False
        self._ended = ended
        self._news = asyncio.Event()
        self._beating = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins. The first beat is over when this returns."""
        await self._beat(Doing.HERE)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends: this page is not open any more."""
        if self._task is None:
            return
        async with self._beating:  # never in the middle of a beat, which would come after the last one
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._beat(Doing.GONE)

    def record(self, recording: bool) -> None:
        """The page says that it records, or not any more. In an ended meeting nobody does."""
        self._recording = recording
        self._news.set()

    def end(self, ended: bool) -> None:
        """The meeting is over, or goes on."""
        self._ended = ended
        self._news.set()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):  # nothing new, which is said as well
                async with asyncio.timeout(BEAT_SECONDS):  # wait_for can swallow a cancellation (Python 3.11)
                    await self._news.wait()
            self._news.clear()
            async with self._beating:
                await self._beat(Doing.RECORDING if self._recording and not self._ended else Doing.HERE)
            await asyncio.sleep(SHORTEST)

    async def _beat(self, doing: Doing) -> None:
        """In a thread of its own, and not in the one that all queries of the process share."""
        try:
            now = await asyncio.to_thread(
                beat, self._meeting_id, self._participant_id, self._connection, doing
            )
            if now is not None:
                event = events.attendance_changed(self._meeting_id, now)
                await self._channel_layer.group_send(events.meeting_group(self._meeting_id), event)
        except (redis.RedisError, OSError) as error:
            logger.info("Nobody is told who is here while Redis is away: %s", error)
