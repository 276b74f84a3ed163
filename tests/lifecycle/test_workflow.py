"""A recording's way through the workflow, with the emulator over real HTTP and RQ jobs that really run."""

import io
import tempfile
import wave
from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO, cast

import pytest
import redis
import requests
from django.core.files.base import ContentFile
from django.utils import timezone
from pytest_django import Settings

from tests.servers import Emulator
from tests.stt import (
    SPOKEN,
    a_meeting,
    a_recording,
    make_due,
    open_gate,
    row_of,
    run_due,
    run_until,
    submits,
)
from tests.waiting import wait_until
from transcription import events, sample
from transcription.gate import Gate, Purpose
from transcription.lifecycle import states, workflow
from transcription.lifecycle.lease import Lease, NotOurs
from transcription.models import GateEvent, Recording, Transcription, Utterance
from transcription.people.meetings import set_language
from transcription.reasons import explain
from transcription.service.accounts import gate_of
from transcription.sound import sandbox
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db(transaction=True)

Status = Transcription.Status


@pytest.fixture(autouse=True)
def _short_pauses(settings: Settings) -> None:
    settings.STT_RETRY_FIRST_SECONDS = 0


def words(row: Transcription) -> list[str]:
    return list(row.utterances.order_by("position").values_list("text", flat=True))


def gate_events() -> list[tuple[str, str]]:
    return list(GateEvent.objects.order_by("id").values_list("kind", "reason"))


def ends() -> list[tuple[str, str]]:
    """Return the events that begin or end an episode."""
    return [event for event in gate_events() if event[0] != "moved"]


@pytest.mark.recognition
def test_a_spoken_recording_becomes_its_words(speech_emulator: Emulator) -> None:
    recording = a_recording(a_meeting(), "speech_slt_1.wav")

    row = run_until(recording)

    assert (row.status, words(row)) == ("done", [SPOKEN["speech_slt_1.wav"]])
    assert row.next_action_at is None
    assert row.finished_at is not None
    assert submits(speech_emulator) == {"200": 1}


@pytest.mark.recognition
def test_the_sample_meeting_has_two_speakers_in_turns(speech_emulator: Emulator) -> None:
    meeting = sample.load(a_meeting().owner)

    row = run_until(meeting.recordings.get(), timeout=60)  # more than a minute of speech, recognized for real

    assert len(words(row)) == 12
    assert words(row)[0] == "thank you for coming to the meeting"
    assert list(row.utterances.values_list("speaker", flat=True)) == ["0", "1"] * 6


def test_webm_from_a_browser_is_transcoded_for_the_vendor(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    recording.format = "webm"  # as if uploaded in this format, which the vendor does not take
    recording.prepared_at = None
    recording.save()

    row = run_until(recording)

    recording.refresh_from_db()
    assert row.status == "done"
    with recording.prepared.open() as made:
        assert made.read(4) == b"fLaC"
    assert recording.duration_ms == pytest.approx(2085, abs=5)


def test_audio_that_breaks_in_decoding_fails_with_its_reason_and_never_reaches_the_vendor(
    emulator: Emulator,
) -> None:
    recording = a_recording(a_meeting())
    recording.audio.save("audio", ContentFile(b"\x1aE\xdf\xa3" + b"x" * 500), save=False)
    recording.format, recording.prepared_at = "webm", None
    recording.save()

    row = run_until(recording)

    assert (row.status, row.error_code) == ("failed", "unreadable")
    assert submits(emulator) == {}


def test_a_language_that_the_vendor_does_not_have_any_more_is_never_sent_and_can_be_put_right(
    emulator: Emulator, vendor_knows: Callable[..., None]
) -> None:
    meeting = a_meeting(language="ja")
    recording = a_recording(meeting)
    vendor_knows("en", "detect")

    row = run_until(recording)

    assert (row.status, row.error_code) == ("failed", "language_unsupported")
    assert explain(row.error_code).retry
    assert submits(emulator) == {}

    set_language(meeting, "detect")
    assert workflow.retry(recording) is not None
    row = run_until(recording)
    assert (row.status, row.language) == ("done", "detect")
    assert submits(emulator) == {"200": 1}


@pytest.mark.recognition
def test_a_language_that_the_vendor_refuses_is_told_from_wrong_settings(speech_emulator: Emulator) -> None:
    row = run_until(
        a_recording(a_meeting(language="ja"))
    )  # which the engine does not know, unlike the settings

    assert (row.status, row.error_code) == ("failed", "language_unsupported")
    assert submits(speech_emulator) == {"400": 1}


def test_a_recording_of_no_length_fails_with_its_reason(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    with recording.audio.open() as whole:
        header = whole.read(44)
    recording.audio.save("audio", ContentFile(header[:40] + bytes(4)))
    Recording.objects.update(prepared_at=None, audio=recording.audio.name)

    assert run_until(recording).error_code == "empty_audio"
    assert submits(emulator) == {}


def test_a_file_that_is_gone_fails_with_its_reason(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    recording.audio.storage.delete(str(recording.audio.name))

    assert run_until(recording).error_code == "file_missing"


@pytest.mark.recognition
def test_nobody_spoke_is_done_with_no_line(speech_emulator: Emulator) -> None:
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(2 * 16000))
    recording = a_recording(a_meeting())
    recording.audio.save("audio", ContentFile(silence.getvalue()))

    row = run_until(recording)

    assert (row.status, words(row)) == ("done", [])


def test_a_429_on_a_submit_spends_no_attempt_and_the_same_audio_is_sent_again_by_itself(
    emulator: Emulator,
) -> None:
    emulator.throttle(60, code="A0003", retry_after="1", on="submit")
    recording = a_recording(a_meeting())
    run_due()
    emulator.throttle(0)

    row = row_of(recording)
    assert (row.status, row.attempts) == ("queued", 0)
    assert gate_of("rtzr").state().mode == "blocked"
    assert gate_events() == [("closed", "rate")]

    row = run_until(recording)
    assert row.status == "done"
    assert (row.attempts, row.possible_duplicate) == (0, 0)
    assert submits(emulator) == {"429": 1, "200": 1}
    assert emulator.stats()["duplicates"] == 0
    assert [kind for kind, _ in gate_events()] == ["closed", "opened"]


def test_while_the_gate_is_closed_nothing_is_sent(emulator: Emulator) -> None:
    emulator.throttle(60, code="A0003", retry_after="60", on="all")
    meeting = a_meeting()
    rows = [a_recording(meeting, name) for name in SPOKEN]
    run_due()
    sent = submits(emulator)["429"]
    for _ in range(5):
        make_due()
        run_due()

    assert submits(emulator) == {"429": sent}
    assert {row_of(r).status for r in rows} == {"queued"}
    assert gate_events() == [("closed", "rate")]


def test_every_change_is_published_after_its_commit_with_a_version_that_grows(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[tuple[str, int, str]] = []

    def sent(group: str, event: events.RecordingChanged) -> None:
        committed = Transcription.objects.get(recording_id=event["recording"])
        assert (committed.version, committed.status) == (event["version"], event["status"])
        published.append((group, event["version"], event["status"]))

    monkeypatch.setattr(events, "_send", sent)
    meeting = a_meeting()

    run_until(a_recording(meeting))

    group = events.meeting_group(meeting.pk)
    assert published == [
        (group, 1, "queued"),
        (group, 2, "submitting"),
        (group, 3, "processing"),
        (group, 4, "done"),
    ]


def test_an_episode_is_published_with_one_delayed_and_one_resumed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[events.SttState] = []

    def sent(group: str, event: events.SttState) -> None:
        if group == events.stt_group("rtzr"):
            published.append(event)

    monkeypatch.setattr(events, "_send", sent)
    emulator.throttle(60, code="A0003", retry_after="1")
    recording = a_recording(a_meeting())
    run_due()
    emulator.throttle(0)

    run_until(recording)

    delayed, resumed = published
    assert (delayed["type"], resumed["type"]) == ("stt.delayed", "stt.resumed")  # type: ignore[typeddict-item]
    assert (delayed["state"], delayed["reason"], resumed["state"]) == ("blocked", "rate", "open")
    assert (resumed["episode"], resumed["version"]) == (delayed["episode"], delayed["version"] + 1)
    assert delayed["since"] is not None
    assert delayed["reopens_at"] is not None
    assert delayed["since"] < delayed["reopens_at"]


def test_a_429_on_a_poll_submits_nothing_again(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    job = run_until(recording, "processing").vendor_job_id
    emulator.throttle(60, code="A0003", retry_after="1", on="poll")
    make_due()
    run_due()
    emulator.throttle(0)

    row = row_of(recording)
    assert (row.status, row.vendor_job_id, row.attempts) == ("processing", job, 0)

    row = run_until(recording)
    assert (row.status, row.vendor_job_id) == ("done", job)
    assert submits(emulator) == {"200": 1}


def test_too_many_jobs_holds_the_submits_while_polls_go_on(emulator: Emulator) -> None:
    emulator.limits(concurrency=1)
    emulator.turnaround(seconds=60)
    meeting = a_meeting()
    first, second = a_recording(meeting, "speech_slt_1.wav"), a_recording(meeting, "speech_rms_1.wav")
    run_due()

    gate = gate_of("rtzr").state()
    assert (gate.scope, gate.reason) == ("submit", "concurrency")
    assert not gate.stops(Purpose.POLL)
    statuses = sorted([row_of(first).status, row_of(second).status])
    assert statuses == ["processing", "queued"]
    polled = first if row_of(first).status == "processing" else second
    make_due()
    run_due()
    assert row_of(polled).seen_running_at is not None
    assert gate_of("rtzr").state().mode != "open"


def test_a_used_up_quota_holds_the_submits_and_says_so(emulator: Emulator) -> None:
    emulator.throttle(60, code="A0001", on="submit")
    recording = a_recording(a_meeting())
    run_due()

    gate = gate_of("rtzr").state()
    assert (row_of(recording).status, gate.reason, gate.scope) == ("queued", "quota", "submit")
    assert gate.reopens_at is not None
    assert gate.since is not None
    assert gate.reopens_at - gate.since > 600


def test_a_lost_answer_to_a_submit_is_sent_once_more_and_counted(emulator: Emulator) -> None:
    emulator.faults("drop", on="submit", count=1, after=True)
    recording = a_recording(a_meeting())

    row = run_until(recording)

    assert (row.status, row.possible_duplicate) == ("done", 1)
    assert emulator.stats()["duplicates"] == 1


def test_a_second_lost_answer_fails_rather_than_pay_a_third_time(emulator: Emulator) -> None:
    emulator.faults("drop", on="submit", count=5, after=True)
    recording = a_recording(a_meeting())

    row = run_until(recording)

    assert (row.status, row.error_code) == ("failed", "outcome_unknown")
    assert emulator.stats()["jobs"]["accepted"] == 2


def test_an_answer_to_a_submit_that_takes_long_is_waited_for_and_nothing_is_paid_twice(
    emulator: Emulator, settings: Settings
) -> None:
    account = settings.STT_VENDORS["rtzr"] | {"read_timeout_s": 0.5}
    settings.STT_VENDORS = settings.STT_VENDORS | {"rtzr": account}
    get_vendor.cache_clear()
    emulator.faults("slow", on="submit", seconds=1.5, after=True)

    row = run_until(a_recording(a_meeting()))

    assert (row.status, row.possible_duplicate) == ("done", 0)
    assert emulator.stats()["duplicates"] == 0


def test_the_permit_of_a_submit_lasts_as_long_as_the_adapter_may_take(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases: list[float | None] = []
    acquire = Gate.acquire

    def seen(self: Gate, purpose: Purpose, *, pool: str = "", lease: float | None = None) -> object:
        leases.append(lease)
        return acquire(self, purpose, pool=pool, lease=lease)

    monkeypatch.setattr(Gate, "acquire", seen)
    recording = a_recording(a_meeting())
    run_until(recording, "processing")

    assert leases == [get_vendor("rtzr").submit_limit_s(recording.size_bytes)]


def test_an_answer_that_nobody_understands_counts_as_lost(emulator: Emulator) -> None:
    emulator.faults("garbage", on="submit", count=1)
    recording = a_recording(a_meeting())

    row = run_until(recording)

    assert (row.status, row.possible_duplicate) == ("done", 1)


def test_errors_of_the_vendor_are_limited_and_retry_works_on_the_same_audio(
    emulator: Emulator, redis_connection: "redis.Redis", settings: Settings
) -> None:
    settings.STT_MAX_ATTEMPTS = 2
    account = settings.STT_VENDORS["rtzr"]
    settings.STT_VENDORS = settings.STT_VENDORS | {"rtzr": account | {"base_url": "http://127.0.0.1:9"}}
    get_vendor.cache_clear()
    recording = a_recording(a_meeting())

    row = run_until(recording)
    assert (row.status, row.error_code) == ("failed", "vendor_unavailable")
    assert Utterance.objects.count() == 0
    settings.STT_VENDORS = settings.STT_VENDORS | {"rtzr": account}
    get_vendor.cache_clear()

    again = workflow.retry(recording)
    assert again is not None
    assert again.version > row.version
    assert run_until(recording).status == "done"
    assert not Transcription.objects.get(pk=row.pk).is_current


def test_a_probe_that_polls_spends_no_attempt(emulator: Emulator) -> None:
    emulator.turnaround(seconds=600)
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    emulator.faults("500", on="poll", count=50)
    gate = gate_of("rtzr")
    for _ in range(3):
        make_due()
        run_due()
    assert gate.state().reason == "unavailable"
    assert row_of(recording).attempts == 3

    assert wait_until(lambda: gate.room(Purpose.POLL).now)
    make_due()
    run_due()

    assert emulator.stats()["requests"]["poll"]["500"] == 4
    assert (row_of(recording).status, row_of(recording).attempts) == ("processing", 3)


def test_refused_credentials_hold_everything_and_fail_no_recording(
    emulator: Emulator, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.turnaround(seconds=60)
    meeting = a_meeting()
    sent = a_recording(meeting, "speech_slt_1.wav")
    job = run_until(sent, "processing").vendor_job_id
    waiting = [a_recording(meeting, "speech_rms_1.wav") for _ in range(3)]
    emulator.faults("401", count=1000)
    settings.STT_GATES = {"rtzr": {"credentials_pause": 0.01, "credentials_cap": 0.01}}

    for _ in range(5):  # the first closes the gate; each of the others is its probe, a poll or a submit
        wait_until(lambda: gate_of("rtzr").room(Purpose.POLL).now)
        make_due()
        run_due()
        assert gate_of("rtzr").state().reason == "credentials"

    rows = [row_of(sent), *map(row_of, waiting)]
    assert [(row.status, row.attempts) for row in rows] == [("processing", 0), *[("queued", 0)] * 3]
    assert rows[0].vendor_job_id == job
    assert ends() == [("closed", "credentials")]  # so pages were told once
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    assert "RTZR_CLIENT_SECRET" in caplog.text
    requests.delete(f"{emulator.base_url}/control/faults", timeout=10)
    emulator.turnaround(seconds=0)
    assert [run_until(recording).status for recording in waiting] == ["done"] * 3
    assert ends() == [("closed", "credentials"), ("opened", "")]
    assert submits(emulator)["200"] == 4


def test_a_secret_that_is_put_right_is_used_at_once_after_a_resume(
    emulator: Emulator, settings: Settings
) -> None:
    settings.STT_VENDORS["rtzr"]["client_secret"] = "wrong"  # the emulator refuses this one
    recording = a_recording(a_meeting())
    run_due()
    state = gate_of("rtzr").state()
    assert (row_of(recording).status, state.scope, state.reason) == ("queued", "all", "credentials")

    settings.STT_VENDORS["rtzr"]["client_secret"] = "right"
    get_vendor.cache_clear()  # as in processes that were started again
    assert gate_of("rtzr").resume() is not None

    assert run_until(recording).status == "done"


def test_a_failure_for_credentials_of_an_earlier_version_can_be_retried_on_the_same_job(
    emulator: Emulator,
) -> None:
    recording = a_recording(a_meeting())
    row = run_until(recording, "processing")
    assert states.transition(row, Status.FAILED, error_code="vendor_auth")

    again = workflow.retry(recording)

    assert again is not None
    assert (again.status, again.vendor_job_id) == ("processing", row.vendor_job_id)
    assert run_until(recording).status == "done"
    assert submits(emulator) == {"200": 1}


def test_a_result_that_is_gone_fails_and_is_never_uploaded_again_by_itself(emulator: Emulator) -> None:
    emulator.turnaround(seconds=60)
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    emulator.reset()

    row = run_until(recording)

    assert (row.status, row.error_code) == ("failed", "result_not_found")
    assert submits(emulator) == {}


@pytest.mark.recognition
def test_a_failed_job_of_the_vendor_never_becomes_transcript_text(speech_emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    with recording.audio.open() as whole, tempfile.TemporaryFile() as flac:
        sandbox.decode(cast(BinaryIO, whole), cast(BinaryIO, flac), 60_000)
        flac.seek(0)
        broken = flac.read(200) + bytes(5000)  # a valid header, and nothing that decodes after it
    recording.audio.save("audio", ContentFile(broken))

    row = run_until(recording)

    assert row.status == "failed"
    assert row.error_code in {"vendor_failed", "bad_parameters", "unsupported_format"}
    assert Utterance.objects.count() == 0


def test_a_row_found_in_submitting_is_sent_once_more_and_counted(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    assert states.transition(row_of(recording), Status.SUBMITTING)  # as if its worker died then

    row = run_until(recording)

    assert (row.status, row.possible_duplicate) == ("done", 1)


def test_a_row_that_kills_its_workers_is_given_up(emulator: Emulator, settings: Settings) -> None:
    settings.STT_MAX_STARTS = 2
    recording = a_recording(a_meeting())
    for _ in range(2):
        row = row_of(recording)
        with Lease(row.pk, row.claim):
            make_due()  # as if the worker died: nothing written, the lease over

    row = run_until(recording)

    assert (row.status, row.error_code) == ("failed", "internal_error")
    assert submits(emulator) == {}


def test_a_job_that_is_delivered_twice_does_its_step_once(emulator: Emulator) -> None:
    row = row_of(a_recording(a_meeting()))
    workflow.submit(row.pk, row.claim)

    with pytest.raises(NotOurs):
        workflow.submit(row.pk, row.claim)

    assert submits(emulator) == {"200": 1}


def test_waiting_too_long_is_a_failure_with_its_reason(emulator: Emulator) -> None:
    emulator.throttle(60, code="A0003", on="submit")
    recording = a_recording(a_meeting())
    Transcription.objects.update(created_at=timezone.now() - timedelta(hours=73))

    assert run_until(recording).error_code == "waited_too_long"


def test_days_in_which_the_account_was_refused_fail_no_recording(
    emulator: Emulator, settings: Settings
) -> None:
    settings.STT_GATES = {"rtzr": {"credentials_pause": 0.01, "credentials_cap": 0.01}}
    meeting = a_meeting()
    emulator.turnaround(seconds=0.4)
    sent = a_recording(meeting, "speech_slt_1.wav")
    run_until(sent, "processing")
    waiting = a_recording(meeting, "speech_rms_1.wav")
    emulator.faults("401", count=1000)
    days_ago = timezone.now() - timedelta(days=4)
    Transcription.objects.update(created_at=days_ago, status_since=days_ago)

    for _ in range(4):
        make_due()
        run_due()
        wait_until(lambda: gate_of("rtzr").room(Purpose.POLL).now)

    assert gate_of("rtzr").state().reason == "credentials"
    assert [row_of(sent).status, row_of(waiting).status] == ["processing", "queued"]
    # The job is done by now, or the first poll would rightly find one that has run for days.
    sent_at = row_of(sent).submitted_at
    wait_until(lambda: sent_at is not None and timezone.now() - sent_at > timedelta(seconds=0.6))
    requests.delete(f"{emulator.base_url}/control/faults", timeout=10)
    assert [run_until(sent).status, run_until(waiting).status] == ["done", "done"]


def test_a_job_that_never_ends_fails_and_its_retry_asks_for_the_same_job(emulator: Emulator) -> None:
    emulator.turnaround(seconds=2)
    recording = a_recording(a_meeting())
    job = run_until(recording, "processing").vendor_job_id
    Transcription.objects.update(status_since=timezone.now() - timedelta(hours=13))
    make_due()

    row = run_until(recording)
    assert row.error_code == "processing_too_long"

    again = workflow.retry(recording)
    assert again is not None
    assert (again.status, again.vendor_job_id) == ("processing", job)
    assert run_until(recording).status == "done"
    assert submits(emulator) == {"200": 1}


def test_cancel_ends_it_and_a_late_answer_changes_nothing(emulator: Emulator) -> None:
    emulator.turnaround(seconds=0.1)
    recording = a_recording(a_meeting())
    stale = run_until(recording, "processing")

    assert workflow.cancel(recording)
    assert not workflow.cancel(recording)
    assert not states.transition(stale, Status.DONE)

    make_due()
    run_due()
    assert row_of(recording).status == "cancelled"
    assert Utterance.objects.count() == 0


def test_only_what_failed_or_was_cancelled_can_be_retried(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    assert workflow.retry(recording) is None
    run_until(recording)
    assert workflow.retry(recording) is None
    assert Transcription.objects.count() == 1


def test_redis_away_in_the_middle_of_a_submit_is_not_an_unknown_outcome(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = a_recording(a_meeting())
    adapter = get_vendor("rtzr")

    def away(*_: object) -> None:
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(adapter), "submit", away)
        run_due()
    assert row_of(recording).status == "queued"

    make_due()
    row = run_until(recording)
    assert (row.status, row.possible_duplicate) == ("done", 0)


def test_uploads_are_diarized_and_live_speech_is_not(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, redis_connection: "redis.Redis"
) -> None:
    asked: list[bool] = []
    adapter = get_vendor("rtzr")
    submit = type(adapter).submit

    def seen(self: object, source: object, options: object) -> object:
        asked.append(options.diarization)  # type: ignore[attr-defined]
        return submit(self, source, options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(adapter), "submit", seen)
    meeting = a_meeting()
    for kind in Recording.Kind.UPLOAD, Recording.Kind.LIVE:
        open_gate(redis_connection)
        run_until(a_recording(meeting, kind=kind))

    assert asked == [True, False]


def test_the_gate_knows_which_jobs_are_at_the_vendor(emulator: Emulator) -> None:
    emulator.turnaround(seconds=60)
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    assert gate_of("rtzr").figures().jobs == 1
    make_due()
    run_due()
    assert (row_of(recording).polls, gate_of("rtzr").figures().jobs) == (1, 1)  # counted once

    emulator.reset()  # the vendor forgets the job, so the gate must no longer count it
    assert run_until(recording).status == "failed"
    assert gate_of("rtzr").figures().jobs == 0


def test_a_job_that_is_done_leaves_its_place(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    assert gate_of("rtzr").figures().jobs == 1

    assert run_until(recording).status == "done"
    assert gate_of("rtzr").figures().jobs == 0


def test_the_pauses_after_errors_double_up_to_the_longest(settings: Settings) -> None:
    settings.STT_RETRY_FIRST_SECONDS, settings.STT_RETRY_LONGEST_SECONDS = 2.0, 300.0

    assert [workflow.pause_after(n) for n in (1, 2, 3, 20)] == [2, 4, 8, 300]


def test_the_times_of_a_result_do_not_count_the_lead(
    emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The echo answers one utterance, with two words, over the whole of what it was sent."""
    settings.STT_VENDORS = {"rtzr": settings.STT_VENDORS["rtzr"] | {"lead_ms": 500}}
    get_vendor.cache_clear()
    meeting = a_meeting()
    first = a_recording(meeting, "speech_rms_1.wav", kind="live", offset_ms=0)
    assert first.duration_ms is not None
    second = a_recording(meeting, "speech_slt_1.wav", kind="live", offset_ms=first.duration_ms)
    assert second.duration_ms is not None

    row = run_until(second)

    assert row.lead_ms == 500
    (said,) = row.utterances.all()
    sent_ms = second.duration_ms + 500
    assert said.start_ms == 0
    assert said.duration_ms == pytest.approx(sent_ms, abs=2)
    assert [word["start_ms"] for word in said.words] == [0, pytest.approx(sent_ms // 2 - 500, abs=2)]
    assert row_of(first).lead_ms == 0
