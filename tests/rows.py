"""Rows as the workflow leaves them, for tests that only read them: no file, no vendor, no job."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from transcription.models import Meeting, Participant, Recording, Transcription, Utterance


def a_row(meeting: Meeting, **values: Any) -> Transcription:
    """Create a recording with its transcription and utterances, and return the transcription.

    `values` are fields of either; the status is "done" by default. `texts` lists the utterances as
    (start_ms, duration_ms, label, text).
    """
    texts = values.pop("texts", [])
    owner = Participant.objects.get(meeting=meeting, user=meeting.owner)
    of_recording: dict[str, Any] = {"kind": "live", "offset_ms": 0, "participant": owner}
    for name in ("kind", "offset_ms", "duration_ms", "client_id", "participant"):
        if name in values:
            of_recording[name] = values.pop(name)
    recording = Recording.objects.create(
        meeting=meeting, format="wav", size_bytes=1, audio="audio/x", **of_recording
    )
    status = values.setdefault("status", "done")
    if status in Transcription.TERMINAL:
        values |= {"next_action_at": None, "finished_at": timezone.now()}
    else:
        values.setdefault("next_action_at", timezone.now() + timedelta(hours=1))
    if status == "processing":
        values.setdefault("vendor_job_id", "job")
    if status == "failed":
        values.setdefault("error_code", "too_long")
    row = Transcription.objects.create(
        recording=recording,
        meeting=meeting,
        vendor=values.pop("vendor", "rtzr"),
        language=values.pop("language", "en"),
        **values,
    )
    Utterance.objects.bulk_create(
        Utterance(transcription=row, position=n, start_ms=start, duration_ms=length, speaker=label, text=text)
        for n, (start, length, label, text) in enumerate(texts)
    )
    return row
