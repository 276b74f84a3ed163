"""Rows at a closed gate stay due, so that they go on the moment it opens; and polls that the gate lets pass."""

import time
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.rows import a_row
from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until, submits
from transcription.gate import Permit, Purpose, Refused
from transcription.lifecycle import workflow
from transcription.lifecycle.claims import claim
from transcription.lifecycle.dispatch import Dispatcher
from transcription.models import Transcription
from transcription.service.accounts import gate_of
from transcription.service.reports import record

pytestmark = pytest.mark.django_db(transaction=True)


def close_gate(scope: str = "all", retry_after_s: float = 3600) -> None:
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    change = gate.report(permit, Refused(scope, retry_after_s))  # type: ignore[arg-type]
    assert change is not None
    record(change)


def resume() -> None:
    """Open the gate as the admin's button does."""
    change = gate_of("rtzr").resume()
    assert change is not None
    record(change)


def is_due(row: Transcription) -> bool:
    row.refresh_from_db()
    assert row.next_action_at is not None
    return row.next_action_at <= timezone.now()


@pytest.mark.parametrize("closing", ["rate", "quota", "hold"])
def test_a_submit_that_comes_to_a_closed_gate_goes_on_at_once_after_resume(
    emulator: Emulator, closing: str
) -> None:
    recording = a_recording(a_meeting())
    (claimed,) = claim(Purpose.SUBMIT, timezone.now(), 1)
    if closing == "hold":
        assert gate_of("rtzr").hold("maintenance") is not None
    else:
        close_gate("quota" if closing == "quota" else "all")
    workflow.submit(claimed.transcription_id, claimed.number)
    assert is_due(row_of(recording))
    assert submits(emulator) == {}

    resume()

    assert run_until(recording).status == "done"


def test_a_poll_that_comes_to_a_closed_gate_goes_on_at_once_after_resume(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    make_due()
    (claimed,) = claim(Purpose.POLL, timezone.now(), 1)
    close_gate()
    workflow.poll(claimed.transcription_id, claimed.number)
    assert is_due(row_of(recording))

    resume()

    assert run_until(recording).status == "done"


def test_what_is_due_at_a_closed_gate_is_not_claimed_again_and_again(emulator: Emulator) -> None:
    recordings = [a_recording(a_meeting()) for _ in range(3)]
    claims = claim(Purpose.SUBMIT, timezone.now(), 3)
    close_gate()
    for claimed in claims:
        workflow.submit(claimed.transcription_id, claimed.number)
    before = [row_of(recording).claim for recording in recordings]

    dispatcher = Dispatcher()
    slept = [dispatcher.step() for _ in range(10)]

    assert min(slept) > 0.5
    assert django_rq.get_queue("default").count == 0
    assert [row_of(recording).claim for recording in recordings] == before


def test_a_wait_for_the_pace_or_for_a_place_stays_short(emulator: Emulator, settings: Settings) -> None:
    settings.STT_GATES = {"rtzr": {"first_cap": 1, "unnamed_cap": 0, "full_wait": 500.0}}
    emulator.turnaround(seconds=600)
    run_until(a_recording(a_meeting()), "processing")
    second = a_recording(a_meeting())
    (claimed,) = claim(Purpose.SUBMIT, timezone.now(), 1)

    workflow.submit(claimed.transcription_id, claimed.number)

    row = row_of(second)
    assert row.next_action_at is not None
    assert row.next_action_at - timezone.now() <= timedelta(seconds=workflow.BUSY_PAUSE)


def test_rows_with_a_far_time_of_an_earlier_version_are_brought_forward_when_the_gate_opens() -> None:
    meeting, now = a_meeting(), timezone.now()
    hour = now + timedelta(hours=1)
    far = [
        a_row(meeting, status="queued", next_action_at=now + timedelta(seconds=851)),
        a_row(meeting, status="queued", next_action_at=hour, attempts=2),
        a_row(meeting, status="processing", next_action_at=hour),
    ]
    pausing = a_row(meeting, status="queued", next_action_at=now + timedelta(seconds=200), attempts=7)
    asked_soon = a_row(meeting, status="processing", next_action_at=now + timedelta(seconds=60))
    being_sent = a_row(meeting, status="submitting", next_action_at=hour)
    close_gate()
    assert not any(map(is_due, far))

    resume()

    assert all(map(is_due, far))
    assert not any(map(is_due, [pausing, asked_soon, being_sent]))


@pytest.mark.parametrize("code", ["A0001", "A0002"])
def test_a_poll_that_is_refused_while_polls_may_pass_keeps_itself_back(emulator: Emulator, code: str) -> None:
    emulator.turnaround(seconds=600)
    recordings = [a_recording(a_meeting()) for _ in range(3)]
    for recording in recordings:
        run_until(recording, "processing")
    emulator.throttle(60, code=code, on="poll")
    make_due()
    began = time.monotonic()
    for _ in range(10):
        run_due()

    # The vendor advises a poll every 5 s; sent again at once, they would be 30.
    most = 3 * (1 + (time.monotonic() - began) / 4)
    assert emulator.stats()["requests"]["poll"]["429"] <= most
    for row in map(row_of, recordings):
        assert (row.status, row.attempts) == ("processing", 0)
        assert row.next_action_at is not None
        assert (row.next_action_at - row.status_since).total_seconds() >= 5


def test_a_refused_poll_obeys_its_retry_after_and_the_job_is_fetched_in_the_end(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    emulator.throttle(60, code="A0001", retry_after="30", on="poll")
    make_due()
    asked = timezone.now()
    run_due()
    row = row_of(recording)
    assert row.next_action_at is not None
    assert 29 <= (row.next_action_at - asked).total_seconds() <= 60

    emulator.throttle(0)
    make_due()
    assert run_until(recording).status == "done"
    assert submits(emulator) == {"200": 1}
