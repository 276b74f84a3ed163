"""Driving transcriptions in tests: rows, the dispatcher's step, and RQ jobs that really run."""

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
    """A meeting of a user with this name, who is made if need be."""
    owner, _ = User.objects.get_or_create(username=username)
    return create_meeting(owner, title, language)


def a_recording(meeting: Meeting, file: str = "speech_slt_1.wav", **fields: Any) -> Recording:
    """A spoken sentence, received as if it had been uploaded."""
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
    """The recording's current transcription, as it is in the database now."""
    return Transcription.objects.current().get(recording=recording)


def make_due() -> None:
    """Moves the schedule: what is alive is due now."""
    Transcription.objects.live().update(next_action_at=timezone.now())


class BurstWorker(SimpleWorker):
    """RQ's worker without its channel for commands, whose end takes a second each time."""

    def subscribe(self) -> None:
        """Nobody sends this worker a command."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""


def run_due() -> None:
    """What is due now is claimed, handed to RQ, and done by a real worker."""
    Dispatcher().step()
    worker = django_rq.get_worker(
        "default", serializer="rq.serializers.JSONSerializer", worker_class=f"{__name__}.BurstWorker"
    )
    worker.work(burst=True, logging_level="WARNING")


def run_until(recording: Recording, *statuses: str, timeout: float = 15) -> Transcription:
    """Steps until the recording's transcription is in one of `statuses` (none: until it is finished)."""

    def there() -> Transcription | None:
        run_due()
        row = row_of(recording)
        reached = row.status in statuses if statuses else not row.is_live
        return row if reached else None

    found = wait_until(there, timeout)
    assert found is not None
    return found


def submits(emulator: Emulator) -> dict[str, int]:
    """Submits that the vendor saw, by status."""
    seen: dict[str, int] = emulator.stats()["requests"].get("submit", {})
    return seen


def open_gate(connection: "redis.Redis", vendor: str = "rtzr") -> None:
    """Forgets the gate's state, as a new account."""
    connection.delete(*connection.keys(f"mico:gate:*{vendor}*"), "no such key")
