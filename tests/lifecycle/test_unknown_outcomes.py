"""After some answers to a submit the vendor may have the job: counted, limited, and not tried out with audio."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until, submits
from tests.waiting import wait_until
from transcription.gate import Purpose
from transcription.lifecycle import states, workflow
from transcription.models import Recording, Transcription
from transcription.service.accounts import gate_of
from transcription.vendors.base import AudioSource, SubmitOptions
from transcription.vendors.rtzr import Rtzr

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short_pauses(settings: Settings) -> None:
    settings.STT_RETRY_FIRST_SECONDS = 0


def submitted(emulator: Emulator) -> int:
    return sum(submits(emulator).values())


def go_round(times: int) -> None:
    """Let the gate's next try come, and the rows, and run what is due; so many times."""
    gate = gate_of("rtzr")
    for _ in range(times):
        wait_until(lambda: gate.room(Purpose.POLL).now or gate.room(Purpose.SUBMIT).now)
        make_due()
        run_due()


def short_gate(settings: Settings, **params: float) -> None:
    """The gate's pauses without audio short, so that a test need not wait for them."""
    short = {"first_pause": 0.05, "growth": 1.0, "lost_pause": 0.05, "pace_start": 1000.0}
    settings.STT_GATES = {"rtzr": {"first_cap": 0, "unnamed_cap": 0} | short | params}


@pytest.mark.parametrize("kind", ["500", "garbage", "drop"])
def test_an_error_after_the_job_was_made_is_sent_once_more_and_counted(emulator: Emulator, kind: str) -> None:
    emulator.faults(kind, on="submit", count=1, after=True)
    recording = a_recording(a_meeting())

    row = run_until(recording)

    assert (row.status, row.possible_duplicate, row.attempts) == ("done", 1, 0)
    assert emulator.stats()["jobs"]["accepted"] == 2


def test_a_vendor_that_takes_every_job_and_says_500_is_paid_twice_and_no_more(
    emulator: Emulator, settings: Settings
) -> None:
    short_gate(settings)
    emulator.faults("500", on="submit", count=20, after=True)

    row = run_until(a_recording(a_meeting()))

    assert (row.status, row.error_code, row.possible_duplicate) == ("failed", "outcome_unknown", 1)
    assert emulator.stats()["jobs"]["accepted"] == 2


def test_a_retry_after_that_counts_on_and_the_next_unknown_outcome_is_for_a_person(
    emulator: Emulator, settings: Settings
) -> None:
    short_gate(settings, unknown_pause=0.05)
    emulator.faults("500", on="submit", count=3, after=True)
    recording = a_recording(a_meeting())
    assert run_until(recording).times_sent == 2

    assert workflow.retry(recording) is not None
    row = run_until(recording, timeout=30)

    assert (row.status, row.error_code, row.times_sent) == ("failed", "outcome_unknown", 3)
    assert emulator.stats()["jobs"]["accepted"] == 3

    assert workflow.retry(recording) is not None
    row = run_until(recording, timeout=30)
    assert (row.status, row.times_sent) == ("done", 4)


def test_a_recording_that_is_cancelled_while_it_is_sent_is_not_sent_again_by_retry(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_recording(a_meeting())
    submit = Rtzr.submit

    def cancelled_meanwhile(self: Rtzr, *args: Any) -> object:
        answer = submit(self, *args)
        assert workflow.cancel(recording)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Rtzr, "submit", cancelled_meanwhile)
        run_due()
    assert row_of(recording).status == "cancelled"

    assert workflow.retry(recording) is not None
    row = run_until(recording)

    assert (row.status, row.times_sent) == ("done", 1)
    assert submits(emulator) == {"200": 1}


def test_an_answer_is_kept_when_the_database_comes_back(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_recording(a_meeting())
    transition = states.transition
    away = [1, 2, 3]

    def while_away(row: Transcription, to: Transcription.Status, **changes: Any) -> bool:
        if to == Transcription.Status.PROCESSING and away:
            away.pop()
            raise OperationalError("server closed the connection unexpectedly")
        return transition(row, to, **changes)

    monkeypatch.setattr(workflow, "KEEP_PAUSE", 0.0)
    monkeypatch.setattr(states, "transition", while_away)

    row = run_until(recording)

    assert (away, row.status, row.possible_duplicate) == ([], "done", 0)
    assert submits(emulator) == {"200": 1}


def test_an_answer_whose_commit_was_confirmed_too_late_is_kept_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_recording(a_meeting())
    transition = states.transition
    lost = [1]

    def unconfirmed(row: Transcription, to: Transcription.Status, **changes: Any) -> bool:
        written = transition(row, to, **changes)
        if to == Transcription.Status.PROCESSING and lost:
            lost.pop()
            raise OperationalError("the connection was lost after COMMIT")
        return written

    monkeypatch.setattr(workflow, "KEEP_PAUSE", 0.0)
    monkeypatch.setattr(states, "transition", unconfirmed)

    row = run_until(recording)

    assert (lost, row.status, row.possible_duplicate) == ([], "done", 0)
    assert submits(emulator) == {"200": 1}


def test_a_file_that_breaks_off_while_it_is_read_was_not_sent(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_recording(a_meeting())
    submit = Rtzr.submit

    def truncated(self: Rtzr, audio: AudioSource, options: SubmitOptions) -> object:
        return submit(self, replace(audio, size_bytes=audio.size_bytes + 100), options)

    with monkeypatch.context() as patch:
        patch.setattr(Rtzr, "submit", truncated)
        run_due()
    row = row_of(recording)
    assert (row.status, row.attempts, row.possible_duplicate) == ("queued", 1, 0)

    row = run_until(recording)
    assert (row.status, row.possible_duplicate) == ("done", 0)
    assert emulator.stats()["jobs"]["accepted"] == 1


def test_a_retry_while_the_cancelled_one_is_still_being_sent_is_counted(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    assert states.transition(row_of(recording), Transcription.Status.SUBMITTING)
    assert workflow.cancel(recording)

    assert workflow.retry(recording) is not None
    row = run_until(recording)

    assert (row.status, row.times_sent) == ("done", 2)


def test_after_an_unknown_outcome_the_row_pauses_and_the_next_pause_is_longer(
    emulator: Emulator, settings: Settings
) -> None:
    settings.STT_RETRY_FIRST_SECONDS, settings.STT_MAX_RESENDS = 20.0, 5
    emulator.faults("500", on="submit", count=2)
    recording = a_recording(a_meeting())
    pauses = []
    for _ in range(2):
        make_due()
        run_due()
        row = row_of(recording)
        assert row.next_action_at is not None
        pauses.append((row.next_action_at - row.status_since).total_seconds())

    assert pauses == [pytest.approx(20, abs=1), pytest.approx(40, abs=1)]
    assert (row.status, row.possible_duplicate) == ("queued", 2)


def test_an_outage_of_an_hour_fails_no_row_and_pays_nothing(emulator: Emulator, settings: Settings) -> None:
    """Every request is answered 500. The audio of three finds that out; from then on the vendor is only asked."""
    short_gate(settings, unknown_pause=0.05)
    meeting = a_meeting()
    run_until(a_recording(meeting))  # signed in
    emulator.faults("500", on="all", count=10_000)
    recordings = [a_recording(meeting) for _ in range(8)]

    go_round(25)

    sent = submits(emulator).get("500", 0)
    assert sent == 3
    assert {row_of(recording).status for recording in recordings} == {"queued"}
    state = gate_of("rtzr").state()
    assert (state.scope, state.reason) == ("all", "unavailable")

    emulator.no_faults()
    for recording in recordings:
        assert run_until(recording, timeout=30).status == "done"
    assert emulator.stats()["jobs"]["accepted"] == 9
    assert sum(Transcription.objects.values_list("possible_duplicate", flat=True)) == sent


def test_a_lone_recording_in_an_outage_is_sent_once_and_waits(emulator: Emulator, settings: Settings) -> None:
    short_gate(settings, unknown_pause=0.05)
    recording = a_recording(a_meeting())
    emulator.faults("500", on="all", count=10_000)

    go_round(12)

    row = row_of(recording)
    assert (row.status, row.possible_duplicate) == ("queued", 0)  # signing in failed, so nothing was sent
    emulator.no_faults()
    run_until(a_recording(a_meeting("other")))  # now the token is there
    emulator.faults("500", on="submit", count=1)
    emulator.faults("500", on="poll", count=10_000)
    recording = a_recording(a_meeting())
    before = submitted(emulator)

    go_round(12)

    row = row_of(recording)
    assert (row.status, row.possible_duplicate, submitted(emulator) - before) == ("queued", 1, 1)
    emulator.no_faults()
    assert run_until(recording, timeout=30).status == "done"


def test_while_only_submits_fail_polls_go_on_and_audio_is_a_probe_rarely(
    emulator: Emulator, settings: Settings
) -> None:
    short_gate(settings, unknown_pause=1000.0)
    emulator.turnaround(seconds=600)
    at_vendor = a_recording(a_meeting())
    run_until(at_vendor, "processing")
    emulator.faults("500", on="submit", count=10_000)
    meeting = a_meeting()
    recordings: list[Recording] = [a_recording(meeting) for _ in range(6)]

    go_round(12)

    assert submits(emulator) == {"200": 1, "500": 3}
    state = gate_of("rtzr").state()
    assert (state.scope, state.reason) == ("submit", "unavailable")
    assert {row_of(recording).status for recording in recordings} == {"queued"}
    assert row_of(at_vendor).polls >= 5


def test_a_vendor_that_says_when_to_come_back_has_taken_nothing(emulator: Emulator) -> None:
    emulator.faults("503", on="submit", count=3, seconds=0)
    recording = a_recording(a_meeting())

    row = run_until(recording, timeout=30)

    assert (row.status, row.possible_duplicate) == ("done", 0)
    assert submits(emulator) == {"503": 3, "200": 1}


def test_a_503_that_names_no_time_may_come_from_a_gateway_that_lost_the_vendor(emulator: Emulator) -> None:
    emulator.faults("503", on="submit", count=1, after=True)

    row = run_until(a_recording(a_meeting()))

    assert (row.status, row.possible_duplicate) == ("done", 1)
    assert emulator.stats()["jobs"]["accepted"] == 2
