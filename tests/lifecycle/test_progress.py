"""How far the vendor is with a recording: kept from what its polls tell, and told to pages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.stt import a_meeting, a_recording, make_due, row_of, run_due
from tests.vendors.scripted import Vendor, answer
from tests.vendors.talk import signed_in
from transcription import events
from transcription.lifecycle import workflow
from transcription.models import Recording, Transcription
from transcription.snapshot import meeting_snapshot

pytestmark = pytest.mark.django_db(transaction=True)

LENGTH_MS = 2_400_000

Poll = Callable[..., Transcription]


@pytest.fixture
def recording(scripted: Vendor) -> Recording:
    """A file that the vendor believes to be of 40 minutes, and has accepted."""
    scripted.will(signed_in(), answer(200, {"id": "J"}))
    made = a_recording(a_meeting())
    Recording.objects.update(duration_ms=LENGTH_MS)
    run_due()
    assert row_of(made).status == "processing"
    return made


@pytest.fixture
def poll(scripted: Vendor, recording: Recording) -> Poll:
    """Return a function that polls 10 s after the last poll, with this `progress` in the answer."""

    def ask(done_ms: object = None, **fields: object) -> Transcription:
        progress = {"progress": {"done_ms": done_ms, "duration_ms": LENGTH_MS}} if done_ms is not None else {}
        scripted.will(answer(200, {"status": "transcribing"} | progress | fields))
        earlier = timezone.now() - timedelta(seconds=10)
        Transcription.objects.update(submitted_at=earlier, seen_running_at=earlier)
        make_due()
        run_due()
        return row_of(recording)

    return ask


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, recording: Recording) -> list[tuple[int, int | None]]:
    """The (version, progress) of each event of a recording."""
    found: list[tuple[int, int | None]] = []

    def sent(_group: str, event: events.RecordingChanged) -> None:
        found.append((event["version"], event["progress_ms"]))

    monkeypatch.setattr(events, "_send", sent)
    return found


def test_it_is_kept_with_its_speed_and_told_once_for_each_change(
    poll: Poll, published: list[tuple[int, int | None]]
) -> None:
    first = poll(240_000)
    assert first.progress_ms == 240_000
    assert first.progress_speed == pytest.approx(24, rel=0.1)

    again = poll(240_000)
    assert (again.polls, again.progress_ms) == (2, 240_000)
    assert again.progress_speed is not None
    assert again.progress_speed < 20  # it stood still
    later = poll(480_000)

    assert later.progress_ms == 480_000
    assert published == [(first.version, 240_000), (first.version, 480_000)]
    assert later.next_action_at is not None
    assert later.seen_running_at is not None
    assert (later.next_action_at - later.seen_running_at).total_seconds() == pytest.approx(5, abs=0.1)


def test_it_never_goes_back_and_what_makes_no_sense_is_ignored(
    poll: Poll, published: list[tuple[int, int | None]]
) -> None:
    for answered in (480_000, 24_000, LENGTH_MS + 1, "all", None):
        assert poll(answered).progress_ms == 480_000

    assert len(published) == 1


def test_a_vendor_that_tells_nothing_leaves_no_figure(
    poll: Poll, published: list[tuple[int, int | None]], recording: Recording
) -> None:
    row = poll()

    assert (row.polls, row.progress_ms, row.progress_speed, published) == (1, None, None, [])
    assert meeting_snapshot(recording.meeting)["progress"] == {}


def test_the_lead_does_not_count(poll: Poll, recording: Recording) -> None:
    Transcription.objects.update(lead_ms=3000)

    assert poll(2000).progress_ms == 0
    assert poll(24_000).progress_ms == 21_000


def test_a_page_that_missed_it_is_told_when_it_connects_and_only_while_it_is_transcribed(
    poll: Poll, recording: Recording
) -> None:
    row = poll(480_000)
    assert meeting_snapshot(recording.meeting)["progress"] == {recording.pk: 480_000}
    assert row.progress_shown_ms == 480_000

    assert workflow.cancel(recording)

    assert meeting_snapshot(recording.meeting)["progress"] == {}
    assert row_of(recording).progress_shown_ms is None


def test_a_retry_that_sends_it_again_starts_anew_and_one_that_asks_for_the_same_job_goes_on(
    scripted: Vendor, poll: Poll, recording: Recording
) -> None:
    poll(480_000)
    assert workflow.cancel(recording)
    same = workflow.retry(recording)
    assert same is not None
    assert (same.status, same.progress_ms) == ("processing", 480_000)

    scripted.will(answer(200, {"status": "failed", "error": {"code": "E500", "message": "lost"}}))
    make_due()
    run_due()
    assert row_of(recording).status == "failed"
    anew = workflow.retry(recording)

    assert anew is not None
    assert (anew.status, anew.progress_ms, anew.progress_speed) == ("queued", None, None)
