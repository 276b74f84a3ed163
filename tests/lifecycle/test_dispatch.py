"""The dispatcher: what it claims, in which order and when, and that two of them never claim the same row."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import django_rq
import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from tests.stt import a_meeting, a_recording, make_due, row_of
from tests.waiting import patient, wait_until
from transcription.gate import Ok, Permit, Purpose, Refused
from transcription.lifecycle import dispatch, states
from transcription.lifecycle.claims import claim
from transcription.lifecycle.dispatch import Dispatcher
from transcription.live.wakeup import CHANNEL, Listener, wake
from transcription.models import Recording, Transcription
from transcription.service.accounts import gate_of
from transcription.service.reports import record
from transcription.vendors.registry import get_vendor

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.django_db(transaction=True)

Status = Transcription.Status


def in_processing(recording: Recording) -> Transcription:
    row = row_of(recording)
    assert states.transition(row, Status.SUBMITTING)
    assert states.transition(row, Status.PROCESSING, vendor_job_id="job")
    return row


def claimed(purpose: Purpose, limit: int = 100) -> list[int]:
    return [c.transcription_id for c in claim(purpose, timezone.now(), limit)]


def close_gate(scope: str = "all", retry_after_s: float = 60) -> None:
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    assert gate.report(permit, Refused(scope, retry_after_s)) is not None  # type: ignore[arg-type]


def server_time(redis_connection: "redis.Redis") -> float:
    """The gate's clock, in seconds."""
    seconds, micros = redis_connection.time()
    return float(seconds + micros / 1e6)


def test_what_is_claimed_is_not_due_again_before_its_lease_is_over(settings: Settings) -> None:
    row = row_of(a_recording(a_meeting()))

    assert claimed(Purpose.SUBMIT) == [row.pk]
    assert claimed(Purpose.SUBMIT) == []

    settings.STT_LEASE_SECONDS = 20
    after = timezone.now() + timedelta(seconds=21)  # its worker died
    assert [c.transcription_id for c in claim(Purpose.SUBMIT, after, 10)] == [row.pk]


def test_what_is_not_due_is_left_alone() -> None:
    row = row_of(a_recording(a_meeting()))
    assert states.reschedule(row, timezone.now() + timedelta(seconds=5))

    assert claimed(Purpose.SUBMIT) == []


def test_a_submit_is_not_claimed_as_a_poll_and_the_reverse() -> None:
    meeting = a_meeting()
    queued, processing = row_of(a_recording(meeting)), in_processing(a_recording(meeting))

    assert claimed(Purpose.POLL) == [processing.pk]
    assert claimed(Purpose.SUBMIT) == [queued.pk]


def test_forty_files_of_one_meeting_do_not_make_another_wait() -> None:
    crowded, quiet = a_meeting("crowded"), a_meeting("quiet")
    many = [row_of(a_recording(crowded)).pk for _ in range(6)]
    one = row_of(a_recording(quiet)).pk

    assert claimed(Purpose.SUBMIT, 2) == [many[0], one]
    late = row_of(a_recording(quiet)).pk
    assert claimed(Purpose.SUBMIT, 3) == [many[1], late, many[2]]


def test_served_one_at_a_time_the_meetings_take_turns() -> None:
    first, second = a_meeting("first"), a_meeting("second")
    of_first = [row_of(a_recording(first)).pk for _ in range(3)]
    of_second = [row_of(a_recording(second)).pk for _ in range(3)]

    order = [claimed(Purpose.SUBMIT, 1)[0] for _ in range(6)]

    assert order == [pk for pair in zip(of_first, of_second, strict=True) for pk in pair]


def test_large_files_to_decode_leave_room_for_live_speech(settings: Settings) -> None:
    settings.STT_HEAVY_AT_ONCE = 1
    meeting = a_meeting()
    heavy = [a_recording(meeting) for _ in range(2)]
    Recording.objects.update(prepared_at=None, size_bytes=settings.STT_HEAVY_BYTES + 1)
    assert claimed(Purpose.SUBMIT, 1) == [row_of(heavy[0]).pk]

    live = a_recording(meeting, kind="live")

    assert claimed(Purpose.SUBMIT) == [row_of(live).pk]


def test_live_speech_goes_before_files_of_any_meeting() -> None:
    crowded, speaking = a_meeting("crowded"), a_meeting("speaking")
    files = [row_of(a_recording(crowded)).pk for _ in range(3)]
    clips = [row_of(a_recording(meeting, kind="live")).pk for meeting in (speaking, speaking, crowded)]

    assert claimed(Purpose.SUBMIT, 4) == [clips[0], clips[2], clips[1], files[0]]


@pytest.mark.parametrize(("cap", "at_once"), [(10, 5), (3, 1), (2, 1), (1, 1)])
def test_files_fill_at_most_half_of_the_places_and_speech_of_now_takes_the_rest(
    settings: Settings, cap: int, at_once: int
) -> None:
    settings.STT_GATES = {"rtzr": {"first_cap": cap, "unnamed_cap": 0}}
    meeting = a_meeting()
    for _ in range(8):
        a_recording(meeting)
    assert len(claim(Purpose.SUBMIT, timezone.now(), cap, cap)) == at_once
    for number, row in enumerate(Transcription.objects.filter(claim=1)):
        assert states.transition(row, Status.SUBMITTING)
        assert states.transition(row, Status.PROCESSING, vendor_job_id=f"file {number}")
        Transcription.objects.filter(pk=row.pk).update(next_action_at=timezone.now() + timedelta(hours=1))
    gate_of("rtzr").adopt([f"file {number}" for number in range(at_once)])
    assert Dispatcher().step() == dispatch.LOOK_AGAIN  # the end of a job wakes it before
    assert django_rq.get_queue("default").count == 0
    clips = {row_of(a_recording(meeting, kind="live")).pk for _ in range(cap)}

    claims = {c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), cap - at_once, cap)}

    assert len(claims) == cap - at_once
    assert claims <= clips


def test_while_people_speak_all_day_a_file_still_gets_its_place(settings: Settings) -> None:
    meeting = a_meeting()
    clips = [a_recording(meeting, kind="live") for _ in range(6)]
    for recording in clips[:3]:
        in_processing(recording)
    Transcription.objects.filter(status=Status.PROCESSING).update(
        next_action_at=timezone.now() + timedelta(hours=1)
    )
    files = [row_of(a_recording(meeting)).pk for _ in range(2)]

    first = [c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), 1, 4)]
    then = [c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), 1, 4)]

    assert first == [files[0]]  # of four places, three were taken by speech
    assert then == [row_of(clips[3]).pk]


def test_in_rq_too_live_speech_goes_before_files_and_after_the_polls_of_its_step() -> None:
    meeting = a_meeting()
    files = [row_of(a_recording(meeting)).pk for _ in range(2)]
    Dispatcher().step()  # their jobs wait in RQ for a worker
    clips = [row_of(a_recording(meeting, kind="live")).pk for _ in range(2)]
    poll = in_processing(a_recording(meeting)).pk

    Dispatcher().step()

    assert [job.args[0] for job in django_rq.get_queue("default").jobs] == [poll, *clips, *files]


def test_a_job_that_sends_a_file_has_time_for_a_slow_upload(settings: Settings) -> None:
    meeting = a_meeting()
    file = row_of(a_recording(meeting)).pk
    clip = row_of(a_recording(meeting, kind="live")).pk

    Dispatcher().step()

    limits = {job.args[0]: job.timeout or 0.0 for job in django_rq.get_queue("default").jobs}
    assert limits == {clip: 900, file: settings.STT_FILE_JOB_SECONDS}
    longest = get_vendor("rtzr").submit_limit_s(get_vendor("rtzr").max_bytes)
    assert limits[file] > 2 * longest  # twice: a token that is refused costs a second upload
    assert limits[clip] > 2 * get_vendor("rtzr").submit_limit_s(settings.STT_HEAVY_BYTES)


def test_while_files_are_held_back_live_speech_is_sent_exactly_when_it_is_due(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STT_GATES = {"rtzr": {"first_cap": 2, "unnamed_cap": 0}}
    meeting = a_meeting()
    at_vendor = in_processing(a_recording(meeting))
    assert states.reschedule(at_vendor, timezone.now() + timedelta(hours=1))
    a_recording(meeting)
    clip = row_of(a_recording(meeting, kind="live"))
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    assert states.reschedule(clip, moment + timedelta(seconds=0.3))

    assert Dispatcher().step() == 0.3
    assert django_rq.get_queue("default").count == 0


def test_a_file_that_pauses_after_an_error_takes_no_place() -> None:
    meeting = a_meeting()
    paused, other = row_of(a_recording(meeting)), row_of(a_recording(meeting))
    assert states.reschedule(paused, timezone.now() + timedelta(minutes=5), attempts=1)

    assert [c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), 2, 2)] == [other.pk]


def test_polls_go_before_submits_and_the_queue_stays_short(settings: Settings) -> None:
    settings.STT_QUEUE_DEPTH = 3
    meeting = a_meeting()
    for _ in range(4):
        a_recording(meeting)
    polls = [in_processing(a_recording(meeting)).pk for _ in range(2)]

    Dispatcher().step()

    queue = django_rq.get_queue("default")
    assert queue.count == 3
    assert sorted(job.args[0] for job in queue.jobs[:2]) == polls
    assert Dispatcher().step() == dispatch.QUEUE_FULL
    assert queue.count == 3


def test_with_the_gate_closed_nothing_is_claimed_and_it_looks_again_when_the_gate_may_open(
    redis_connection: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "LOOK_AGAIN", 3600.0)
    close_gate(retry_after_s=60)
    row_of(a_recording(a_meeting()))
    reopens_at = gate_of("rtzr").state().reopens_at
    assert reopens_at is not None

    before = server_time(redis_connection)
    wait = Dispatcher().step()
    after = server_time(redis_connection)

    assert django_rq.get_queue("default").count == 0
    assert reopens_at - after <= wait + 0.001
    assert wait - 0.001 <= reopens_at - before


def test_when_its_time_has_come_one_row_goes_out_as_the_probe(redis_connection: "redis.Redis") -> None:
    meeting = a_meeting()
    for _ in range(5):
        a_recording(meeting)
    close_gate(retry_after_s=0)
    wait_until(lambda: (gate_of("rtzr").state().reopens_at or 0) <= time.time())

    Dispatcher().step()

    assert django_rq.get_queue("default").count == 1


def test_a_machine_whose_clock_is_wrong_keeps_the_gates_time(monkeypatch: pytest.MonkeyPatch) -> None:
    a_recording(a_meeting())
    close_gate(retry_after_s=60)
    hour_ahead = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: hour_ahead)

    Dispatcher().step()

    assert django_rq.get_queue("default").count == 0


def test_polls_are_woken_when_only_the_submits_stay_closed(redis_connection: "redis.Redis") -> None:
    close_gate("submit", 60)
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.POLL)
    assert isinstance(permit, Permit)
    closed = gate.report(permit, Refused("all", 0))
    assert closed is not None
    assert closed.state.stops(Purpose.POLL)
    probe = wait_until(lambda: p if isinstance(p := gate.acquire(Purpose.POLL), Permit) else None)
    assert probe is not None
    moved = gate.report(probe, Ok())
    assert moved is not None
    assert moved.kind == "moved"
    ear = Listener()

    record(moved)

    began = time.monotonic()
    ear.wait(patient(30))
    assert time.monotonic() - began < patient(10)
    ear.close()


def test_a_gate_that_is_closed_for_submits_lets_polls_pass() -> None:
    meeting = a_meeting()
    a_recording(meeting)
    poll = in_processing(a_recording(meeting))
    close_gate("submit")

    Dispatcher().step()

    assert [job.args[0] for job in django_rq.get_queue("default").jobs] == [poll.pk]


def test_it_sleeps_until_exactly_the_next_due_time(monkeypatch: pytest.MonkeyPatch) -> None:
    row = row_of(a_recording(a_meeting()))
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    assert states.reschedule(row, moment + timedelta(seconds=0.5))

    assert Dispatcher().step() == 0.5


def test_with_nothing_to_do_it_looks_once_a_second() -> None:
    assert Dispatcher().step() == dispatch.LOOK_AGAIN


def test_a_new_recording_wakes_a_sleeping_dispatcher(redis_connection: "redis.Redis") -> None:
    ear = Listener()
    woken = threading.Event()

    def sleep() -> None:
        ear.wait(patient(30))
        woken.set()

    thread = threading.Thread(target=sleep)
    thread.start()
    wait_until(lambda: redis_connection.pubsub_numsub(CHANNEL)[0][1] == 1)
    wake()
    assert woken.wait(patient(5))
    thread.join()
    ear.close()


def _claim_all(
    barrier: "multiprocessing.synchronize.Barrier", found: "multiprocessing.Queue[list[int]]"
) -> None:
    barrier.wait()
    mine: list[int] = []
    while got := claim(Purpose.SUBMIT, timezone.now(), 3):
        mine += [c.transcription_id for c in got]
    found.put(mine)
    connections.close_all()


def test_eight_dispatchers_claim_each_row_exactly_once() -> None:
    meeting = a_meeting()
    recording = a_recording(meeting)
    Transcription.objects.all().delete()
    recordings = Recording.objects.bulk_create(
        Recording(
            meeting=meeting, kind="live", offset_ms=n, audio=recording.audio.name, format="wav", size_bytes=1
        )
        for n in range(100)
    )
    Transcription.objects.bulk_create(
        Transcription(recording=r, meeting=meeting, vendor="rtzr", language="en") for r in recordings
    )
    connection.close()  # a fork must not share it
    fork = multiprocessing.get_context("fork")
    barrier, found = fork.Barrier(8), fork.Queue()
    processes = [fork.Process(target=_claim_all, args=(barrier, found)) for _ in range(8)]
    for process in processes:
        process.start()
    taken = [pk for _ in processes for pk in found.get(timeout=patient(15))]
    for process in processes:
        process.join(patient(10))

    assert sorted(taken) == sorted(Transcription.objects.values_list("pk", flat=True))


def test_sigterm_ends_it_cleanly(redis_connection: "redis.Redis", tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mico.settings",
        "MICO_DATA": str(tmp_path),
        "REDIS_URL": django_settings.REDIS_URL,
    }
    process = subprocess.Popen([sys.executable, "manage.py", "dispatch"], env=environment, cwd=ROOT)
    try:
        wait_until(lambda: redis_connection.zcard("mico:alive:dispatch") == 1)
        process.terminate()
        assert process.wait(patient(5)) == 0
    finally:
        process.kill()
    assert redis_connection.zrange("mico:alive:dispatch", 0, -1) == []


def test_make_due_moves_every_live_row() -> None:
    row = row_of(a_recording(a_meeting()))
    states.reschedule(row, timezone.now() + timedelta(hours=1))
    make_due()
    assert claimed(Purpose.SUBMIT) == [row.pk]


def test_a_lost_redis_learns_from_the_database_which_jobs_are_at_the_vendor() -> None:
    meeting = a_meeting()
    for _ in range(2):
        in_processing(a_recording(meeting))
    Transcription.objects.update(next_action_at=timezone.now() + timedelta(minutes=1))
    assert gate_of("rtzr").figures().jobs == 0

    Dispatcher().step()

    assert gate_of("rtzr").figures().jobs == 1  # not 2: both rows have the same job id, "job"


def test_no_more_submits_are_dealt_out_than_the_vendor_takes_jobs(settings: Settings) -> None:
    settings.STT_GATES = {"rtzr": {"first_cap": 2, "unnamed_cap": 0}}
    meeting = a_meeting()
    for _ in range(4):
        a_recording(meeting, kind="live")

    pause = Dispatcher().step()

    assert Transcription.objects.filter(claim=1).count() == 2
    assert 0 < pause <= 1
    for number, row in enumerate(Transcription.objects.filter(claim=1)):
        assert states.transition(row, Status.SUBMITTING)
        assert states.transition(row, Status.PROCESSING, vendor_job_id=f"job {number}")
    later = timezone.now() + timedelta(hours=1)
    Transcription.objects.filter(status=Status.PROCESSING).update(next_action_at=later)
    Transcription.objects.filter(status=Status.QUEUED).update(next_action_at=timezone.now(), claim=0)
    django_rq.get_queue("default").empty()  # type: ignore[no-untyped-call]
    Dispatcher().step()
    assert not Transcription.objects.filter(status=Status.QUEUED, claim=1).exists()


def test_at_a_learned_pace_rows_stay_due_until_it_is_their_turn(redis_connection: "redis.Redis") -> None:
    """A row that was claimed too early would wait at the gate, outside the order that the database keeps."""
    meeting = a_meeting()
    for _ in range(5):
        a_recording(meeting)
    redis_connection.hset("mico:gate:{rtzr}", mapping={"pace.rate": 0.5, "pace.settle": 100})

    pause = Dispatcher().step()

    assert Transcription.objects.filter(claim=1).count() == 1
    assert pause == 1  # at most LOOK_AGAIN, although the next row may go only after 2 s
