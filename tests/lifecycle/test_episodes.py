"""Real processes, a Redis that is emptied in mid-closing, and a worker that is killed with a change in its hands."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer
from django.conf import settings as django_settings

from tests.fleet import Fleet, kill
from tests.servers import Emulator, running_redis
from tests.stt import a_meeting, a_recording
from tests.waiting import patient, wait_until
from transcription import events
from transcription.models import GateEvent, Transcription

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def own(tmp_path: Path) -> Iterator["redis.Redis"]:
    """A Redis server of this test's own, which it may empty."""
    with running_redis(tmp_path / "r.sock"), redis.Redis(unix_socket_path=str(tmp_path / "r.sock")) as client:
        yield client


@pytest.fixture
def fleet(emulator: Emulator, own: "redis.Redis", tmp_path: Path) -> Iterator[Fleet]:
    with closing(Fleet(emulator.base_url, f"unix://{tmp_path}/r.sock?db=0")) as fleet:
        yield fleet


@pytest.fixture
def heard(own: "redis.Redis") -> Iterator[list[dict[str, Any]]]:
    """The gate's events as pages get them, newest last. Read up to now with `listen`."""
    channel = f"{django_settings.CHANNEL_PREFIX}__group__{events.stt_group('rtzr')}"
    layer = get_channel_layer()  # type: ignore[no-untyped-call]
    pubsub = own.pubsub()  # type: ignore[no-untyped-call]
    pubsub.subscribe(channel)
    assert pubsub.get_message(timeout=patient(5))["type"] == "subscribe"

    class Heard(list[dict[str, Any]]):
        def kinds(self) -> list[str]:
            while (message := pubsub.get_message(timeout=0)) is not None:
                self.append(layer.deserialize(message["data"]))
            return [event["type"] for event in self if event["type"] != "stt.moved"]

    yield Heard()
    pubsub.close()


def ends() -> list[str]:
    return [
        kind for kind in GateEvent.objects.order_by("pk").values_list("kind", flat=True) if kind != "moved"
    ]


def test_a_redis_that_is_emptied_in_mid_closing_leaves_one_end_for_each_episode(
    fleet: Fleet, emulator: Emulator, own: "redis.Redis", heard: Any
) -> None:
    emulator.throttle(3600, code="A0003", retry_after="600")
    a_recording(a_meeting())
    for _ in range(2):
        fleet.dispatcher()
    worker = fleet.worker()
    wait_until(lambda: ends() == ["closed"])
    kill(worker)  # so that nothing is refused until the dispatchers have looked
    wait_until(lambda: own.zcard("mico:alive:dispatch") == 2)

    own.flushall()

    wait_until(lambda: ends() == ["closed", "opened"])
    wait_until(lambda: heard.kinds() == ["stt.delayed", "stt.resumed"])
    fleet.worker()  # the vendor still refuses: a new episode, with a pair of its own
    wait_until(lambda: ends() == ["closed", "opened", "closed"])
    emulator.throttle(0)
    own.flushall()
    wait_until(lambda: not Transcription.objects.live().exists(), 40)
    assert ends() == ["closed", "opened"] * 2
    wait_until(lambda: heard.kinds() == ["stt.delayed", "stt.resumed"] * 2)
    versions = [event["version"] for event in heard]
    assert versions == sorted(versions)


def test_a_worker_killed_before_it_told_that_the_gate_opened_leaves_an_end_all_the_same(
    fleet: Fleet, emulator: Emulator, own: "redis.Redis", heard: Any
) -> None:
    emulator.throttle(3600, code="A0003", retry_after="1")
    a_recording(a_meeting())
    fleet.dispatcher()
    worker = fleet.worker()
    wait_until(lambda: ends() == ["closed"])
    kill(worker)
    emulator.throttle(0)
    victim = fleet.worker_that_dies("with a change of the gate")  # its probe opens the gate
    assert victim.wait(patient(15)) == -9

    wait_until(lambda: ends() == ["closed", "opened"])
    wait_until(lambda: heard.kinds() == ["stt.delayed", "stt.resumed"])
    fleet.worker()
    wait_until(lambda: not Transcription.objects.exclude(status="done").exists(), 40)
    assert ends() == ["closed", "opened"]
