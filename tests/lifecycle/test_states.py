"""The transition table: every pair of statuses, and which of two concurrent writers wins."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stt import a_meeting, a_recording, row_of
from transcription.lifecycle import states
from transcription.models import Transcription

pytestmark = pytest.mark.django_db

Status = Transcription.Status


def in_status(status: Status) -> Transcription:
    """Return a row in `status`, written without a transition."""
    row = row_of(a_recording(a_meeting()))
    over = status in Transcription.TERMINAL
    Transcription.objects.filter(pk=row.pk).update(
        status=status,
        vendor_job_id="job",
        error_code="too_long" if status is Status.FAILED else "",
        next_action_at=None if over else timezone.now(),
        finished_at=timezone.now() if over else None,
    )
    row.refresh_from_db()
    return row


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.sampled_from(Status), to=st.sampled_from(Status))
def test_only_what_the_table_allows_is_written(db: None, before: Status, to: Status) -> None:
    row = in_status(before)
    version = row.version
    reason = {"error_code": "too_long"} if to is Status.FAILED else {}

    if to in states.TRANSITIONS[before]:
        assert states.transition(row, to, **reason)
    else:
        with pytest.raises(states.IllegalTransition):
            states.transition(row, to, **reason)

    row.refresh_from_db()
    changed = to in states.TRANSITIONS[before]
    assert row.status == (to if changed else before)
    assert row.version == version + changed
    assert (
        (row.next_action_at is None)
        == (row.status in Transcription.TERMINAL)
        == (row.finished_at is not None)
    )


def test_of_two_that_read_the_same_row_one_wins() -> None:
    first = in_status(Status.QUEUED)
    second = Transcription.objects.get(pk=first.pk)

    assert states.transition(first, Status.SUBMITTING)
    assert not states.transition(second, Status.CANCELLED)

    assert (row := Transcription.objects.get(pk=first.pk)).status == "submitting"
    assert row.version == first.version == 2


def test_a_row_that_changed_is_not_rescheduled() -> None:
    row = in_status(Status.PROCESSING)
    stale = Transcription.objects.get(pk=row.pk)
    assert states.transition(row, Status.DONE)

    assert not states.reschedule(stale, timezone.now())
    assert Transcription.objects.get(pk=row.pk).next_action_at is None


def test_rescheduling_keeps_version_and_status_and_ends_the_lease() -> None:
    row = in_status(Status.PROCESSING)
    at = timezone.now() + timedelta(seconds=3)

    assert states.reschedule(row, at, polls=4)

    after = Transcription.objects.get(pk=row.pk)
    assert (after.status, after.version, after.polls, after.next_action_at) == (
        "processing",
        row.version,
        4,
        at,
    )
    assert after.claim == row.claim + 1


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "gone"},
        {"status": "done"},  # no outcome
        {"next_action_at": None},  # live, but never due
        {"status": "processing", "vendor_job_id": ""},
        {"status": "failed", "next_action_at": None, "finished_at": timezone.now()},  # no reason
        {"error_code": "too_long"},  # a reason without a failure
    ],
)
def test_the_database_itself_refuses_rows_that_make_no_sense(broken: dict[str, object]) -> None:
    row = row_of(a_recording(a_meeting()))
    with pytest.raises(IntegrityError), transaction.atomic():
        Transcription.objects.filter(pk=row.pk).update(**broken)


def test_a_recording_has_at_most_one_live_and_one_current_transcription() -> None:
    row = row_of(a_recording(a_meeting()))
    for second in (
        {"is_current": False},
        {"next_action_at": None, "status": "done", "finished_at": timezone.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Transcription.objects.create(
                recording=row.recording, meeting=row.meeting, vendor="rtzr", language="en", **second
            )


def test_the_picture_in_the_documentation_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    drawn = {line.strip() for line in page.splitlines() if " --> " in line}
    assert drawn == {f"{a} --> {b}" for a, after in states.TRANSITIONS.items() for b in after}
