"""Real processes, really killed: everything finishes, and only an unknown outcome is ever sent twice."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings

from tests.fleet import Fleet, kill
from tests.servers import Emulator, running_redis
from tests.stt import a_meeting, a_recording, row_of, submits
from tests.waiting import patient, wait_until
from transcription.lifecycle import workflow
from transcription.models import Meeting, Recording, Transcription
from transcription.service.accounts import gate_of
from transcription.service.reports import record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def fleet(emulator: Emulator) -> Iterator[Fleet]:
    fleet = Fleet(emulator.base_url, django_settings.REDIS_URL)
    yield fleet
    fleet.close()


def many(count: int) -> list[Recording]:
    """`count` recordings in three meetings."""
    meetings: list[Meeting] = [a_meeting(name) for name in ("one", "two", "three")]
    return [a_recording(meetings[n % 3]) for n in range(count)]


def all_done(timeout: float = 40) -> None:
    wait_until(lambda: not Transcription.objects.exclude(status="done").exists(), timeout)


def wait_for_submits(emulator: Emulator, more_than: int) -> None:
    wait_until(lambda: submits(emulator).get("200", 0) > more_than)


def duplicates() -> int:
    return sum(Transcription.objects.current().values_list("possible_duplicate", flat=True))


@pytest.mark.parametrize(
    ("point", "sent", "counted"),
    [
        ("in the preparation", 1, 0),
        ("after submitting was written", 1, 1),  # in fact nothing was sent, which cannot be known
        ("after the vendor's answer", 2, 1),
        ("in a poll", 1, 0),
        ("before the words are kept", 1, 0),
    ],
)
def test_a_worker_killed_anywhere_loses_nothing(
    fleet: Fleet, emulator: Emulator, point: str, sent: int, counted: int
) -> None:
    recording = a_recording(a_meeting())
    fleet.dispatcher()
    victim = fleet.worker_that_dies(point)
    assert victim.wait(patient(15)) == -9

    fleet.worker()

    all_done()
    row = row_of(recording)
    assert row.utterances.count() == 1
    assert (submits(emulator), row.possible_duplicate) == ({"200": sent}, counted)


def test_a_killed_dispatcher_loses_nothing_and_repeats_nothing(fleet: Fleet, emulator: Emulator) -> None:
    emulator.turnaround(seconds=0.5)
    many(20)
    for _ in range(2):
        fleet.worker()
    first = fleet.dispatcher()
    wait_until(lambda: submits(emulator).get("200", 0) >= 3)
    kill(first)

    fleet.dispatcher()

    all_done()
    assert (submits(emulator), duplicates()) == ({"200": 20}, 0)


def test_two_dispatchers_and_three_workers_do_each_step_once(fleet: Fleet, emulator: Emulator) -> None:
    many(30)
    for _ in range(2):
        fleet.dispatcher()
    for _ in range(3):
        fleet.worker()

    all_done()

    assert (submits(emulator), duplicates()) == ({"200": 30}, 0)


def test_workers_killed_again_and_again_while_the_vendor_throttles(fleet: Fleet, emulator: Emulator) -> None:
    emulator.turnaround(seconds=0.3)
    recordings = many(15)
    fleet.dispatcher()
    for round_ in range(3):
        victims = [fleet.worker() for _ in range(2)]
        wait_for_submits(emulator, more_than=3 * round_)
        emulator.throttle(1, code="A0003", retry_after="1")
        for victim in victims:
            kill(victim)
    fleet.worker()

    wait_until(lambda: not Transcription.objects.live().exists(), 90)
    # A worker that was killed in a POST left an unknown outcome. Each is counted, and nothing else is sent twice. One
    # of which that happened twice waits for a person.
    unknown = [row for row in map(row_of, recordings) if row.status != "done"]
    assert {(row.status, row.error_code, row.possible_duplicate) for row in unknown} <= {
        ("failed", "outcome_unknown", 1)
    }
    assert len(unknown) <= 3
    for row in unknown:
        workflow.retry(row.recording)
    wait_until(lambda: not Transcription.objects.current().exclude(status="done").exists(), 90)
    assert submits(emulator)["200"] <= len(recordings) + duplicates()
    assert duplicates() <= 6


def test_errors_after_the_job_was_made_and_killed_workers_pay_for_no_more_than_is_counted(
    fleet: Fleet, emulator: Emulator
) -> None:
    emulator.faults("500", on="submit", count=2, after=True)
    recordings = many(10)
    fleet.dispatcher()
    victims = [fleet.worker() for _ in range(2)]
    wait_for_submits(emulator, more_than=2)
    for victim in victims:
        kill(victim)
    fleet.worker()

    wait_until(lambda: not Transcription.objects.live().exists(), 90)
    failed = {row.error_code for row in map(row_of, recordings) if row.status != "done"}
    assert failed <= {"outcome_unknown"}
    assert 2 <= duplicates() <= 4
    assert emulator.stats()["jobs"]["accepted"] <= len(recordings) + duplicates()


def test_after_resume_everything_goes_on_at_once_whatever_the_vendor_had_asked_for(
    fleet: Fleet, emulator: Emulator
) -> None:
    emulator.throttle(3600, code="A0003", retry_after="3600")
    recordings = many(6)
    fleet.dispatcher()
    for _ in range(2):
        fleet.worker()
    gate = gate_of("rtzr")
    wait_until(lambda: gate.state().reason == "rate")
    wait_until(lambda: not Transcription.objects.exclude(status="queued").exists())
    emulator.throttle(0)

    change = gate.resume()
    assert change is not None
    record(change)

    all_done()
    assert submits(emulator)["200"] == len(recordings)
    assert duplicates() == 0


def test_an_empty_redis_is_told_at_once_which_jobs_the_vendor_has(emulator: Emulator, tmp_path: Path) -> None:
    """Otherwise the fleet would send as many jobs as the cap allows on top of those that the vendor has."""
    socket = tmp_path / "r.sock"
    with ExitStack() as stack:
        stack.enter_context(own := running_redis(socket))
        fleet = Fleet(emulator.base_url, f"unix://{socket}?db=0")
        stack.callback(fleet.close)
        emulator.turnaround(seconds=120)
        many(3)
        fleet.dispatcher()
        worker = fleet.worker()
        wait_until(lambda: Transcription.objects.filter(status="processing").count() == 3)
        kill(worker)  # its polls would also report the jobs, one by one

        own.__exit__(None, None, None)
        with running_redis(socket), redis.Redis(unix_socket_path=str(socket)) as client:
            wait_until(lambda: client.zcard("mico:gate:{rtzr}:jobs") == 3)
            fleet.close()


def test_redis_that_restarts_empty_in_the_middle_loses_nothing(emulator: Emulator, tmp_path: Path) -> None:
    socket = tmp_path / "r.sock"
    with ExitStack() as stack:
        stack.enter_context(own := running_redis(socket))
        fleet = Fleet(emulator.base_url, f"unix://{socket}?db=0")
        stack.callback(fleet.close)
        emulator.turnaround(seconds=0.5)
        many(12)
        fleet.dispatcher()
        workers = [fleet.worker() for _ in range(2)]
        wait_until(lambda: submits(emulator).get("200", 0) >= 2)

        own.__exit__(None, None, None)  # stops Redis, which loses everything
        with running_redis(socket):
            # RQ's workers end when Redis stops; in a real Mico the supervisor restarts them.
            for worker in workers:
                if worker.poll() is not None:
                    fleet.worker()
            fleet.worker()
            all_done()
            with redis.Redis(unix_socket_path=str(socket)) as client:
                wait_until(lambda: client.zcard("mico:alive:dispatch") == 1)
            fleet.close()

    assert emulator.stats()["jobs"]["accepted"] == 12 + duplicates()
