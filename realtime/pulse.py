"""A connection's heartbeat: it keeps the participant present in the meeting, and publishes a change of attendance.

Each connection has one task. It beats every BEAT_SECONDS, and at once when there is something new, but never more
often than every SHORTEST seconds: a page that keeps changing its state causes at most four events a second.
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

SHORTEST = 0.25  # least time between two beats, in seconds


class Pulse:
    """The heartbeat of one connection of one participant."""

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
        """Send the first beat, then start the task."""
        await self._beat(Doing.HERE)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop the task, and report the connection gone."""
        if self._task is None:
            return
        async with self._beating:  # wait for a beat in progress: it could arrive after the last one
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._beat(Doing.GONE)

    def record(self, recording: bool) -> None:
        """Set whether the page is recording. Ignored while the meeting is ended."""
        self._recording = recording
        self._news.set()

    def end(self, ended: bool) -> None:
        """Set whether the meeting is ended."""
        self._ended = ended
        self._news.set()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):  # nothing new: beat anyway
                async with asyncio.timeout(BEAT_SECONDS):  # wait_for can swallow a cancellation (Python 3.11)
                    await self._news.wait()
            self._news.clear()
            async with self._beating:
                await self._beat(Doing.RECORDING if self._recording and not self._ended else Doing.HERE)
            await asyncio.sleep(SHORTEST)

    async def _beat(self, doing: Doing) -> None:
        """Beat, and publish a change. The beat runs outside the one thread that all queries of the process share."""
        try:
            now = await asyncio.to_thread(
                beat, self._meeting_id, self._participant_id, self._connection, doing
            )
            if now is not None:
                event = events.attendance_changed(self._meeting_id, now)
                await self._channel_layer.group_send(events.meeting_group(self._meeting_id), event)
        except (redis.RedisError, OSError) as error:
            logger.info("Attendance is not updated while Redis is unavailable: %s", error)
