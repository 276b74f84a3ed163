"""Sends to the channel layer from code without an event loop: workers, the dispatcher, views.

`async_to_sync(layer.group_send)` creates an event loop and a new connection to Redis for each message, and waits for
both. In the pub/sub layer a group is a Redis channel, and the serialised message is published there. This module
publishes the same bytes on the connection that the process already has.
"""

from collections.abc import Mapping
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from transcription.live.redis_client import redis_client


def send_to_group(group: str, message: Mapping[str, Any]) -> None:
    """Send `message` to every channel of `group`, as the layer's `group_send` does. Raises redis.RedisError."""
    layer = get_channel_layer()  # type: ignore[no-untyped-call]
    redis_client().publish(f"{settings.CHANNEL_PREFIX}__group__{group}", layer.serialize(message))
