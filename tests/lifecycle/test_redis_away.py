"""Redis goes away and comes back: the processes stay, and work goes on within two seconds."""

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django_rq import get_queue, get_worker
from rq.queue import Queue

from tests.fleet import Fleet
from tests.servers import Emulator, running_redis
from tests.stt import a_meeting, a_recording, row_of
from tests.waiting import patient, wait_until
from transcription.models import Transcription

pytestmark = pytest.mark.django_db(transaction=True)

# RQ's own worker would have waited for 1, 2, 4 and 8 s by then, and would wait for 16 s more. Its thread for commands
# tries too, every 2 s.
ATTEMPTS = 15


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose path is short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="mico-away-") as path:
        yield Path(path)


def queue_at(url: str) -> Queue:
    return get_queue("default", connection=redis.Redis.from_url(url))


@pytest.mark.parametrize("worker_is", ["idle", "at work"])
def test_work_goes_on_within_two_seconds_of_redis_return(
    emulator: Emulator, folder: Path, worker_is: str
) -> None:
    socket = folder / "redis.sock"
    url = f"unix://{socket}?db=0"
    log = folder / "log"
    fleet = Fleet(emulator.base_url, url, log=log)
    client = redis.Redis.from_url(url)

    def alive(role: str) -> int:
        return client.zcard(f"mico:alive:{role}")

    def failed() -> int:
        return log.read_text().count("Redis instance") + log.read_text().count("Waiting for Redis")

    try:
        with running_redis(socket) as server:
            processes = [fleet.dispatcher(), fleet.worker()]
            wait_until(lambda: (alive("worker"), alive("dispatch")) == (1, 1))
            if worker_is == "at work":
                # The job ends Redis, so that its own end cannot be told.
                queue_at(url).enqueue("os.kill", server.pid, signal.SIGKILL)
            else:
                server.kill()
            server.wait(patient(10))
            recording = a_recording(a_meeting())
            wait_until(lambda: failed() >= ATTEMPTS, timeout=60)
        assert row_of(recording).status == Transcription.Status.QUEUED
        with running_redis(socket):
            back = time.monotonic()
            wait_until(lambda: row_of(recording).status != Transcription.Status.QUEUED)
            assert time.monotonic() - back < patient(2)
            wait_until(lambda: (alive("worker"), alive("dispatch")) == (1, 1))
            wait_until(lambda: row_of(recording).status == Transcription.Status.DONE)
        assert [process.poll() for process in processes] == [None, None]
    finally:
        fleet.close()


def test_a_worker_that_starts_without_redis_waits_for_it(emulator: Emulator, folder: Path) -> None:
    socket = folder / "redis.sock"
    log = folder / "log"
    fleet = Fleet(emulator.base_url, f"unix://{socket}?db=0", log=log)
    try:
        worker = fleet.worker()
        wait_until(lambda: "Waiting for Redis" in log.read_text())
        with running_redis(socket):
            client = redis.Redis(unix_socket_path=str(socket))
            wait_until(lambda: client.zcard("mico:alive:worker") == 1)
            queue = queue_at(f"unix://{socket}?db=0")
            queue.enqueue("time.monotonic", result_ttl=0)
            wait_until(lambda: queue.count == 0)
            worker.terminate()
            assert worker.wait(patient(10)) == 0
            assert client.zcard("mico:alive:worker") == 0
    finally:
        fleet.close()


def test_a_worker_is_shown_as_alive_for_as_long_as_its_job_may_take(
    monkeypatch: pytest.MonkeyPatch, redis_connection: "redis.Redis"
) -> None:
    promised: list[float] = []
    monkeypatch.setattr(
        "transcription.live.presence.Heartbeat.alive_for", lambda _self, seconds: promised.append(seconds)
    )
    queue = get_queue("default")
    queue.enqueue("time.monotonic", job_timeout=300)
    worker = get_worker(
        "default",
        worker_class="transcription.lifecycle.worker.Worker",
        serializer="rq.serializers.JSONSerializer",
    )

    worker.work(burst=True, logging_level="WARNING")

    assert 310 in promised
    assert promised[-1] == 10  # its loop came round
    assert worker.dequeue_timeout == 2
