"""Each check constraint refuses the rows that it is meant for."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from tests.rows import a_row
from tests.stt import a_meeting
from transcription.models import (
    GateEvent,
    Participant,
    Recording,
    SpeakerName,
    Transcription,
    TurnaroundSample,
    Upload,
    Utterance,
)

# By the name of the constraint: the model, and changes that each make a valid row invalid.
BROKEN: dict[str, tuple[type[models.Model], list[dict[str, Any]]]] = {
    "participant_has_a_name": (Participant, [{"name": ""}]),
    "participant_key_of_a_present_guest": (Participant, [{"guest_key": "a guest's, of an account"}]),
    "recording_kind_known": (Recording, [{"kind": "stream"}]),
    "recording_offset_not_negative": (Recording, [{"offset_ms": -1}]),
    "recording_not_empty": (Recording, [{"size_bytes": 0}]),
    "upload_within_its_size": (Upload, [{"received_bytes": -1}, {"received_bytes": 101}]),
    "transcription_terminal_has_outcome": (
        Transcription,
        [{"finished_at": None}, {"status": "queued"}],
    ),
    "transcription_processing_has_job": (
        Transcription,
        [{"status": "processing", "next_action_at": timezone.now(), "finished_at": None}],
    ),
    "transcription_failed_has_reason": (Transcription, [{"status": "failed"}, {"error_code": "too_long"}]),
    "turnaround_done_after_running": (
        TurnaroundSample,
        [{"running_ms": -1}, {"running_ms": 2000}, {"running_ms": 2001}],
    ),
    "gate_event_kind_known": (GateEvent, [{"kind": "ajar"}]),
    "speaker_name_person_or_text": (SpeakerName, [{"name": ""}]),
    "utterance_times_not_negative": (Utterance, [{"start_ms": -1}, {"duration_ms": -1}]),
}


@pytest.fixture
def good_rows(db: None) -> None:
    """Create a valid row of each model."""
    meeting = a_meeting()
    row = a_row(meeting, texts=[(0, 1, "0", "Hello.")])
    Upload.objects.create(
        id=uuid.uuid4(),
        meeting=meeting,
        participant=meeting.participants.get(),
        client_id=uuid.uuid4(),
        size_bytes=100,
        received_bytes=100,
    )
    TurnaroundSample.objects.create(
        vendor="rtzr", model="whisper", length_class=0, audio_ms=1, running_ms=1999, done_ms=2000
    )
    GateEvent.objects.create(vendor="rtzr", kind="closed", episode=1)
    SpeakerName.objects.create(recording=row.recording, label="0", name="Mina")


@pytest.mark.parametrize(
    ("check", "model", "broken"),
    [(check, model, broken) for check, (model, ways) in BROKEN.items() for broken in ways],
)
def test_the_database_refuses_a_row_that_makes_no_sense(
    good_rows: None, check: str, model: type[models.Model], broken: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError, match=check), transaction.atomic():
        model._default_manager.update(**broken)


def test_no_check_is_without_its_row() -> None:
    checks = {
        constraint.name
        for model in apps.get_app_config("transcription").get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    }
    # A row with an unknown status violates two constraints, and the databases name different ones.
    assert checks - {"transcription_status_known"} == set(BROKEN)
