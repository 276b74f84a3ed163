"""The dispatcher is woken once the change can be seen in the database, and not before."""

from collections.abc import Iterator

import pytest
import redis
from django.db import transaction
from redis.client import PubSub

from tests.waiting import patient
from transcription.live.wakeup import CHANNEL, wake

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ear(redis_connection: "redis.Redis") -> Iterator[PubSub]:
    """A subscription to the wake-ups that is already active."""
    pubsub = redis_connection.pubsub()  # type: ignore[no-untyped-call]
    pubsub.subscribe(CHANNEL)
    assert pubsub.get_message(timeout=patient(5))["type"] == "subscribe"
    yield pubsub
    pubsub.close()


def heard(ear: PubSub) -> bytes:
    message = ear.get_message(timeout=patient(5))
    assert message is not None
    data: bytes = message["data"]
    return data


def test_a_wake_up_comes_after_the_commit(redis_connection: "redis.Redis", ear: PubSub) -> None:
    with transaction.atomic():
        wake()
        redis_connection.publish(CHANNEL, "before the commit")

    assert [heard(ear), heard(ear)] == [b"before the commit", b""]


def test_what_was_rolled_back_wakes_nobody(redis_connection: "redis.Redis", ear: PubSub) -> None:
    with transaction.atomic():
        wake()
        transaction.set_rollback(True)
    redis_connection.publish(CHANNEL, "afterwards")

    assert heard(ear) == b"afterwards"
