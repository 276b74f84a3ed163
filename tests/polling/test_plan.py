"""The poll schedule of rows: what goes into the history, what comes out of it, and the account's budget."""

import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.rows import a_row
from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until
from tests.vendors.scripted import Vendor, answer
from tests.vendors.talk import signed_in
from transcription.lifecycle import states, workflow
from transcription.models import Meeting, Transcription, TurnaroundSample
from transcription.polling import plan

pytestmark = pytest.mark.django_db(transaction=True)


def history(*spans: tuple[int, int], audio_ms: int = 5000, model: str = "whisper") -> None:
    """Write samples of jobs with `audio_ms` of audio, given as (running_ms, done_ms), oldest first."""
    TurnaroundSample.objects.bulk_create(
        TurnaroundSample(
            vendor="rtzr",
            model=model,
            length_class=plan.length_class(audio_ms / 1000),
            audio_ms=audio_ms,
            running_ms=running,
            done_ms=done,
        )
        for running, done in spans
    )


def processing(
    meeting: Meeting, accepted_at: datetime, duration_ms: int = 5000, **values: object
) -> Transcription:
    return a_row(meeting, status="processing", submitted_at=accepted_at, duration_ms=duration_ms, **values)


def gap_s(row: Transcription, polls: int = 0, asked_at: datetime | None = None) -> float:
    """Return the seconds from the acceptance to the next poll."""
    assert row.submitted_at is not None
    return (
        plan.next_poll(row, row.submitted_at, polls=polls, asked_at=asked_at).at - row.submitted_at
    ).total_seconds()


def test_a_recording_that_was_polled_to_its_end_is_a_sample(scripted: Vendor) -> None:
    completed = {"status": "completed", "results": {"utterances": []}}
    scripted.will(signed_in(), answer(200, {"id": "J"}), answer(200, {"status": "transcribing"}))
    recording = a_recording(a_meeting())
    run_due()
    make_due()
    run_due()
    row = row_of(recording)
    assert row.submitted_at is not None
    assert row.seen_running_at is not None
    assert not TurnaroundSample.objects.exists()

    scripted.will(answer(200, completed))
    make_due()
    run_due()

    sample = TurnaroundSample.objects.get()
    assert (sample.vendor, sample.model, sample.length_class) == ("rtzr", "whisper", 0)
    assert sample.audio_ms == 2085
    assert sample.running_ms == round((row.seen_running_at - row.submitted_at).total_seconds() * 1000)
    assert 0 < sample.running_ms < sample.done_ms
    finished_at = row_of(recording).finished_at
    assert finished_at is not None
    assert sample.done_ms <= (finished_at - row.submitted_at).total_seconds() * 1000


def test_another_language_is_another_model_with_a_history_of_its_own() -> None:
    history(*[(3900, 4100)] * 40, model="sommers")

    korean, english = plan.learned("rtzr", "ko", 5), plan.learned("rtzr", "en", 5)

    assert korean.left(5) == pytest.approx(4, rel=0.1)
    assert english.samples == 0


def test_what_was_cancelled_failed_or_never_polled_is_no_sample(emulator: Emulator) -> None:
    emulator.turnaround(seconds=60)
    meeting = a_meeting()
    cancelled = a_recording(meeting)
    run_until(cancelled, "processing")
    assert workflow.cancel(cancelled)
    assert run_until(cancelled).status == "cancelled"

    assert not TurnaroundSample.objects.exists()


def test_a_poll_that_waited_behind_a_closed_gate_widens_the_interval_and_says_nothing_wrong() -> None:
    history(*[(1900, 2100)] * 60)
    before = plan.learned("rtzr", "en", 5).left(5)
    now = timezone.now()
    row = processing(a_meeting(), now - timedelta(hours=1), seen_running_at=now - timedelta(seconds=3599))

    late = plan.sample(row, now)
    assert late is not None
    late.save()
    plan.forget()

    assert (late.running_ms, late.done_ms) == (1000, 3_600_000)
    assert plan.learned("rtzr", "en", 5).left(5) == pytest.approx(before, rel=0.05)


def test_clocks_that_differ_make_no_sample() -> None:
    now = timezone.now()

    assert plan.sample(processing(a_meeting(), now + timedelta(seconds=1)), now) is None


@pytest.mark.parametrize("running_at", [None, timedelta(seconds=3)], ids=["at once", "at the poll before"])
def test_an_interval_without_length_is_no_sample(running_at: timedelta | None) -> None:
    """The job cannot be running and done at the same moment: two clocks differ. The table refuses such a row."""
    accepted_at = timezone.now()
    done_at = accepted_at + (running_at or timedelta())
    row = processing(a_meeting(), accepted_at, seen_running_at=done_at if running_at else None)

    assert plan.sample(row, done_at) is None
    assert plan.sample(row, done_at + timedelta(milliseconds=1)) is not None


def test_a_retry_that_asks_for_the_same_job_goes_on_with_what_was_seen_of_it() -> None:
    now = timezone.now()
    row = processing(a_meeting(), now - timedelta(seconds=60), seen_running_at=now - timedelta(seconds=30))
    assert states.transition(row, Transcription.Status.CANCELLED)

    again = workflow.retry(row.recording)

    assert again is not None
    assert (again.submitted_at, again.seen_running_at) == (row.submitted_at, row.seen_running_at)


def test_the_first_poll_comes_when_recordings_like_this_one_were_done(scripted: Vendor) -> None:
    history(*[(1900, 2100)] * 100)
    history(*[(29_000, 31_000)] * 100, audio_ms=300_000)
    meeting, now = a_meeting(), timezone.now()

    assert 1.8 < gap_s(processing(meeting, now)) < 2.8
    assert 15 < gap_s(processing(meeting, now, duration_ms=300_000)) < 31


def test_what_was_learned_is_kept_for_a_while_and_read_with_one_query_for_common_lengths() -> None:
    history(*[(1900, 2100)] * 250)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        known = plan.learned("rtzr", "en", 5)
        assert plan.learned("rtzr", "en", 7) is known
    assert len(queries) == 1


def test_of_a_length_that_was_never_seen_the_nearest_ones_tell() -> None:
    history(*[(29_000, 31_000)] * 30, audio_ms=300_000)

    assert plan.learned("rtzr", "en", 3600).samples > 0


def test_the_history_is_read_through_its_index() -> None:
    rows = TurnaroundSample.objects.filter(vendor="rtzr", model="whisper", length_class=1).order_by("-pk")
    history(*[(1900, 2100)] * 300)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_sort = off")
    plan = rows[:200].explain()

    assert "turnaround_newest" in plan
    assert "TEMP B-TREE" not in plan


def test_over_the_budget_every_gap_is_stretched_by_the_same_factor(settings: Settings) -> None:
    settings.STT_POLLS_PER_SECOND = 10
    history(*[(1900, 2100)] * 100)
    meeting, now = a_meeting(), timezone.now()
    row = processing(meeting, now)
    alone = gap_s(row)
    for _ in range(49):
        processing(meeting, now, poll_rate=0.6)
    processing(meeting, now, poll_rate=90.0, vendor="another")

    together = gap_s(row)

    assert together / alone == pytest.approx((1 / alone + 49 * 0.6) / 10, rel=1e-3)


def test_a_poll_just_behind_another_does_not_hold_up_everybody_else(settings: Settings) -> None:
    """A gap of 1/20 s means one more poll, and not 20 polls a second."""
    settings.STT_POLLS_PER_SECOND = 10
    history(*[(1290, 1310)] * 100)
    accepted_at = timezone.now()
    row = processing(a_meeting(), accepted_at)

    then = plan.next_poll(row, accepted_at, polls=1, asked_at=accepted_at + timedelta(seconds=1.28))

    assert (then.at - accepted_at).total_seconds() < 1.5
    assert then.rate == 1


def test_the_first_jobs_teach_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    assert plan.learned("rtzr", "en", 5).samples == 0
    history(*[(1900, 2100)] * 10)
    moment = 0.51

    young = plan.learned("rtzr", "en", 5)
    history(*[(1900, 2100)] * 200)

    assert 0 < young.samples <= 10
    moment = 0.51 + 0.1 * young.samples - 0.01
    assert plan.learned("rtzr", "en", 5) is young
    moment += 0.02
    assert plan.learned("rtzr", "en", 5).samples > 50


def told(meeting: Meeting, now: datetime, done_s: float, speed: float, **values: object) -> Transcription:
    """A file of 40 minutes at the vendor since 100 s, of which the last poll, just now, told so much."""
    return processing(
        meeting,
        now - timedelta(seconds=100),
        duration_ms=2_400_000,
        seen_running_at=now,
        progress_ms=round(1000 * done_s),
        progress_speed=speed,
        **values,
    )


def test_a_job_that_tells_how_far_it_is_is_asked_as_often_as_advised_and_then_at_its_end(
    settings: Settings,
) -> None:
    meeting, now = a_meeting(), timezone.now()

    def gap(row: Transcription, polls: int = 20) -> float:
        return (plan.next_poll(row, now, polls=polls, asked_at=now).at - now).total_seconds()

    assert gap(told(meeting, now, 720, 10)) == pytest.approx(5)
    assert gap(told(meeting, now, 2380, 10)) == pytest.approx(2)
    assert gap(told(meeting, now, 2400, 10)) == pytest.approx(0.5)
    assert gap(told(meeting, now, 720, 0)) == pytest.approx(5)  # it stands still
    assert gap(told(meeting, now, 2380, 10), polls=24) == pytest.approx(5)  # by now it had its spare polls
    processing(meeting, now, poll_rate=settings.STT_POLLS_PER_SECOND)
    assert gap(told(meeting, now, 720, 10)) > 5  # within the budget of all


def test_before_its_first_figure_a_job_is_asked_as_often_as_advised_where_the_vendor_tells_any() -> None:
    history(*[(59_000, 61_000)] * 100, audio_ms=600_000)

    assert gap_s(processing(a_meeting(), timezone.now(), duration_ms=600_000)) == pytest.approx(5)


def test_without_a_vendor_that_tells_it_the_history_alone_says_when(scripted: Vendor) -> None:
    history(*[(59_000, 61_000)] * 100, audio_ms=600_000)

    assert gap_s(processing(a_meeting(), timezone.now(), duration_ms=600_000)) > 25


def test_polls_leave_half_of_what_the_gate_has_learned() -> None:
    assert plan.budget() == 20
    assert plan.budget(pace=4) == 2
    assert plan.budget(pace=100) == 20


def test_the_rate_of_what_is_finished_counts_no_more(emulator: Emulator) -> None:
    recording = a_recording(a_meeting())
    run_until(recording, "processing")
    assert Transcription.objects.get(recording=recording).poll_rate > 0
    run_until(recording)

    assert plan._asked_by_others(Transcription(vendor="rtzr")) == 0
