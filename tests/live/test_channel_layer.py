"""Messages from code without an event loop reach the receivers of the channel layer."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import asyncio
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer

from tests.waiting import patient
from transcription.live.channel_layer import send_to_group

NOWHERE = "unix:///nowhere/redis.sock"


async def received(groups: list[str], send: dict[str, Any], to: str) -> list[Any]:
    """Send `send` to one group, then an end to all. Return the first message that a channel of each group gets."""
    layer = get_channel_layer()
    channels = []
    for group in groups:
        channels.append(await layer.new_channel())
        await layer.group_add(group, channels[-1])
    await sync_to_async(send_to_group)(to, send)
    for group in groups:
        await layer.group_send(group, {"type": "end"})
    async with asyncio.timeout(patient(5)):
        first = [await layer.receive(channel) for channel in channels]
    await layer.flush()
    return first


def test_a_group_gets_it_as_it_is_and_no_other_group_does() -> None:
    event = {
        "type": "recording.changed",
        "meeting": 7,
        "version": 2**40,
        "note": "한국어",
        "removed": None,
        "of": [1],
    }
    got = async_to_sync(received)(["meeting.7", "meeting.70"], event, "meeting.7")
    assert got == [event, {"type": "end"}]


def test_without_redis_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis.from_url(NOWHERE)
    monkeypatch.setattr("transcription.live.channel_layer.redis_client", lambda: away)
    with pytest.raises(redis.RedisError):
        send_to_group("meeting.7", {"type": "end"})
