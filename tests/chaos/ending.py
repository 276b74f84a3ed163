"""Tells what is in the database, the storage and the gate: python -m tests.chaos.ending, in the fleet's environment.

It reads one word a line and answers each with one line of JSON: `progress`, `sweep`, or `everything`.
"""

import hashlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import django
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone


def progress() -> dict[str, Any]:
    """Return how many transcriptions are not finished, and when the last one was done (Unix seconds)."""
    from transcription.models import Transcription

    done = Transcription.objects.filter(status="done").order_by("-finished_at").first()
    return {
        "live": Transcription.objects.live().count(),
        "last_done": done.finished_at.timestamp() if done and done.finished_at else 0.0,
        "waiting": list(
            Transcription.objects.current()
            .filter(status__in=["failed", "cancelled"])
            .values_list("recording_id", "error_code")
        ),
    }


def swept() -> dict[str, Any]:
    """Sweep as the dispatcher does two hours later, when what is left behind is old enough to be known for that."""
    from transcription.lifecycle import sweep

    later = timezone.now() + 2 * settings.SWEEP_MIN_AGE
    return dict(Counter(each.what for each in sweep.sweep(settings.SWEEP_MIN_AGE, now=later)))


def everything() -> dict[str, Any]:
    """Return all that the checker compares (checker.py, End)."""
    from transcription.live.redis_client import redis_client
    from transcription.models import (
        GateEvent,
        Meeting,
        Participant,
        Recording,
        Transcription,
        Upload,
        Utterance,
    )
    from transcription.service.accounts import gate_of

    state = gate_of("rtzr").state()
    client = redis_client()
    seconds, microseconds = client.time()
    now = seconds + microseconds / 1e6
    counted = {
        what: [
            (name.decode(), score)
            for key in client.scan_iter(f"mico:gate:{{rtzr}}*:{what}")
            for name, score in cast("list[tuple[bytes, float]]", client.zrange(key, 0, -1, withscores=True))
            if score > now
        ]
        for what in ("submits", "polls", "jobs")
    }
    media = Path(settings.MEDIA_ROOT)
    return {
        "meetings": list(Meeting.objects.values_list("pk", flat=True)),
        "names": dict(Participant.objects.values_list("pk", "name")),
        "recordings": [
            {
                "id": row.pk,
                "meeting": row.meeting_id,
                "client_id": str(row.client_id),
                "audio": row.audio.name,
                "prepared": row.prepared.name,
                "sent": _hash(media / str(row.prepared.name or row.audio.name)),
            }
            for row in Recording.objects.all()
        ],
        "transcriptions": [
            {
                "id": row.pk,
                "recording": row.recording_id,
                "status": row.status,
                "is_current": row.is_current,
                "version": row.version,
                "vendor_job_id": row.vendor_job_id,
                "possible_duplicate": row.possible_duplicate,
                "error_code": row.error_code,
                "error_detail": row.error_detail,
                "finished_at": row.finished_at.timestamp() if row.finished_at else 0.0,
            }
            for row in Transcription.objects.order_by("pk")
        ],
        "lines": [
            {
                "id": line.pk,
                "transcription": line.transcription_id,
                "version": line.version,
                "text": line.text,
                "vendors": line.text if line.original is None else line.original,
            }
            for line in Utterance.objects.all()
        ],
        "uploads": [str(upload.pk.hex) for upload in Upload.objects.filter(recording=None)],
        "files": _files(media / "audio"),
        "incoming": [Path(name).name for name in _files(media / "incoming")],
        "temporary": _files(Path(settings.FILE_UPLOAD_TEMP_DIR)),
        "gate": {
            "state": state.mode,
            "permits": [score - now for what in ("submits", "polls") for _name, score in counted[what]],
            "jobs": [name for name, _score in counted["jobs"]],
        },
        "gate_events": [
            {
                "kind": event.kind,
                "pool": event.pool,
                "episode": event.episode,
                "reason": event.reason,
                "at": event.at.timestamp(),
                "reopens_at": event.reopens_at.timestamp() if event.reopens_at else 0.0,
            }
            for event in GateEvent.objects.order_by("pk")
        ],
    }


def _files(folder: Path) -> list[str]:
    """Return the files below `folder`, as the storage names them."""
    media = Path(settings.MEDIA_ROOT)
    return sorted(
        os.path.relpath(Path(root) / name, media) for root, _, names in os.walk(folder) for name in names
    )


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def main() -> None:
    """Answer until the input ends."""
    django.setup()
    for line in sys.stdin:
        tell = {"progress": progress, "sweep": swept, "everything": everything}[line.strip()]
        for attempt in range(20):
            try:
                answer = tell()
                break
            except DatabaseError:
                if attempt == 19:
                    raise
                time.sleep(0.5)
            finally:
                connections.close_all()
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
