"""The places of jobs at the vendor: each is free when its job has ended, and not before."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from pytest_django import Settings

from tests.fleet import Fleet
from tests.polling.test_plan import history
from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until, submits
from tests.waiting import patient, wait_until
from transcription.gate import GateFigures
from transcription.lifecycle import deletion, dispatch, workflow
from transcription.lifecycle.dispatch import Dispatcher
from transcription.models import Recording, Transcription
from transcription.polling import plan
from transcription.service import accounts
from transcription.service.accounts import gate_of
from transcription.vendors.rtzr import Rtzr

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_pool(settings: Settings) -> None:
    """Count all jobs together, and take one at a time."""
    rtzr = django_settings.STT_VENDORS["rtzr"] | {"pooled": False}
    settings.STT_VENDORS = django_settings.STT_VENDORS | {"rtzr": rtzr}
    settings.STT_GATES = {"rtzr": {"first_cap": 1, "unnamed_cap": 0}}


def figures() -> GateFigures:
    return gate_of("rtzr").figures()


@pytest.mark.parametrize("how", [workflow.cancel, lambda recording: deletion.delete(recording.meeting)])
def test_a_job_that_nobody_wants_any_more_keeps_its_place_until_it_has_ended_at_the_vendor(
    emulator: Emulator, how: Callable[[Recording], object], redis_connection: object
) -> None:
    history(*[(1_900, 2_100)] * 30, audio_ms=2085)  # such jobs take two seconds
    emulator.turnaround(seconds=2)
    meeting = a_meeting()
    unwanted, waiting = a_recording(meeting, kind="live"), a_recording(a_meeting("Other"), kind="live")
    row = run_until(unwanted, "processing")
    usual = plan.ends_in(row, timezone.now())
    assert 1 < usual < 60  # and not the 900 s for which a job without news counts

    how(unwanted)
    Dispatcher().step()  # tells the gate which jobs the database knows

    assert figures().jobs == 1
    make_due()
    run_due()
    assert row_of(waiting).status == "queued"  # the vendor would refuse it
    wait_until(lambda: figures().jobs == 0, usual)
    assert run_until(waiting).status == "done"
    assert emulator.stats()["requests"]["submit"] == {"200": 2}


def test_a_job_that_was_cancelled_while_it_was_sent_keeps_its_place_for_its_usual_time(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.turnaround(seconds=60)
    recording = a_recording(a_meeting())
    send = Rtzr.submit

    def and_cancel(*arguments: object) -> object:
        answer = send(*arguments)  # type: ignore[arg-type]
        assert workflow.cancel(recording)
        return answer

    monkeypatch.setattr(Rtzr, "submit", and_cancel)
    monkeypatch.setattr(plan, "ends_in", lambda *_: 0.5)
    run_due()
    assert row_of(recording).status == "cancelled"
    assert submits(emulator) == {"200": 1}
    wait_until(lambda: figures().jobs == 0, 5)


def test_a_retry_of_a_cancelled_job_takes_its_place_again(emulator: Emulator) -> None:
    emulator.turnaround(seconds=60)
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    workflow.cancel(recording)
    again = workflow.retry(recording)
    assert again is not None
    Transcription.objects.filter(pk=again.pk).update(next_action_at=timezone.now() + timedelta(hours=1))
    Dispatcher().step()
    assert figures().jobs == 1
    emulator.turnaround(seconds=0)


@pytest.mark.slow
def test_a_worker_killed_before_it_reported_that_a_job_had_ended_leaves_no_place_taken(
    emulator: Emulator, settings: Settings
) -> None:
    fleet = Fleet(emulator.base_url, django_settings.REDIS_URL, RTZR_JOBS_AT_ONCE="1")
    try:
        recording = a_recording(a_meeting())
        fleet.dispatcher()
        victim = fleet.worker_that_dies("after the words are kept")
        assert victim.wait(patient(15)) == -9
        assert row_of(recording).status == "done"
        held = accounts.gate_of("rtzr").figures(pool="whisper").jobs
        assert held + figures().jobs == 1  # its report was lost
        fleet.dispatcher()  # or the first one, within `dispatch.ADOPT_EVERY` seconds
        wait_until(lambda: accounts.gate_of("rtzr").figures(pool="whisper").jobs + figures().jobs == 0, 20)
        assert accounts.gate_of("rtzr").params.job_lease > dispatch.ADOPT_EVERY
    finally:
        fleet.close()
