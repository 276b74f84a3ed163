"""Meetings, recordings, and the steps that transcribe them: the dispatcher's, and real RQ jobs."""

import json
from pathlib import Path
from typing import Any

import django_rq
import redis
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rq.worker import SimpleWorker

from tests.servers import Emulator
from tests.waiting import wait_until
from transcription.lifecycle.dispatch import Dispatcher
from transcription.models import Meeting, Recording, Transcription
from transcription.people.meetings import create_meeting
from transcription.sound.intake import receive

AUDIO = Path(__file__).parent / "audio"
SPOKEN: dict[str, str] = json.loads((AUDIO / "texts.json").read_text())


def a_meeting(title: str = "Planning", username: str = "mina", language: str = "en") -> Meeting:
    """Create a meeting of the user `username`, who is created if need be."""
    owner, _ = User.objects.get_or_create(username=username)
    return create_meeting(owner, title, language)


def a_recording(meeting: Meeting, file: str = "speech_slt_1.wav", **fields: Any) -> Recording:
    """Create a recording of a spoken sentence, received as an upload is."""
    upload = SimpleUploadedFile(file, (AUDIO / file).read_bytes())
    recording, _ = receive(
        meeting=meeting,
        participant=meeting.participants.first(),
        upload=upload,
        kind=fields.pop("kind", "upload"),
        **fields,
    )
    return recording


def row_of(recording: Recording) -> Transcription:
    """Return the recording's current transcription, read from the database."""
    return Transcription.objects.current().get(recording=recording)


def make_due() -> None:
    """Make every live transcription due now."""
    Transcription.objects.live().update(next_action_at=timezone.now())


class BurstWorker(SimpleWorker):
    """RQ's worker without its channel for commands, which takes a second to close."""

    def subscribe(self) -> None:
        """Do nothing: no test sends a command."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""


def run_due() -> None:
    """Claim what is due now, hand it to RQ, and run the jobs in a real worker."""
    Dispatcher().step()
    worker = django_rq.get_worker(
        "default", serializer="rq.serializers.JSONSerializer", worker_class=f"{__name__}.BurstWorker"
    )
    worker.work(burst=True, logging_level="WARNING")


def run_until(recording: Recording, *statuses: str, timeout: float = 15) -> Transcription:
    """Call `run_due` until the recording's transcription has one of `statuses`, by default a final one."""

    def there() -> Transcription | None:
        run_due()
        row = row_of(recording)
        reached = row.status in statuses if statuses else not row.is_live
        return row if reached else None

    found = wait_until(there, timeout)
    assert found is not None
    return found


def submits(emulator: Emulator) -> dict[str, int]:
    """Return how many submits the vendor answered, by HTTP status."""
    seen: dict[str, int] = emulator.stats()["requests"].get("submit", {})
    return seen


def open_gate(connection: "redis.Redis", vendor: str = "rtzr") -> None:
    """Delete the gate's state, as if the account were new."""
    connection.delete(*connection.keys(f"mico:gate:*{vendor}*"), "no such key")
