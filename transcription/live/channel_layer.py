"""The channel layer from code without an event loop: workers, the dispatcher, views.

`async_to_sync(layer.group_send)` makes an event loop and a new connection to Redis for each message, and waits for
both. A group of the pub/sub layer is a channel of Redis, and what is published there is the serialised message: this
does the same on the connection that the process has anyway.
"""

from collections.abc import Mapping
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from transcription.live.redis_client import redis_client


def send_to_group(group: str, message: Mapping[str, Any]) -> None:
    """As the layer's `group_send`. Raises redis.RedisError."""
    layer = get_channel_layer()  # type: ignore[no-untyped-call]
    redis_client().publish(f"{settings.CHANNEL_PREFIX}__group__{group}", layer.serialize(message))
