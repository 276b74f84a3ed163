"""Fills a new database with a queue, and measures claims. Runs in a process with Django's settings (command.py)."""

import json
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from transcription.gate import Purpose
from transcription.lifecycle import claims
from transcription.models import Meeting, Recording, Transcription

MEETINGS = 50
AT_ONCE = 5
CAP = 10


def main(runs: int, sizes: Sequence[int]) -> None:
    """Print the figures as JSON: ms by the number of rows that wait."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(settings.DATA_DIR / "claims.sqlite3")
    name = str(connection.settings_dict["NAME"])
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        owner = User.objects.create(username="bench")
        Meeting.objects.bulk_create(
            Meeting(title=str(n), language="en", owner=owner) for n in range(MEETINGS)
        )
        figures = {}
        for size in sizes:
            fill(size + AT_ONCE)
            took = measure(runs)
            tenths = statistics.quantiles(took, n=10)
            figures[size] = {
                name: round(tenths[n - 1], 2) for name, n in (("p10", 1), ("p50", 5), ("p90", 9))
            }
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    print(json.dumps(figures))


def fill(rows: int) -> None:
    """Write due rows, live speech and files in turn, until there are so many, and put them into their turns."""
    meetings = list(Meeting.objects.order_by("pk"))
    for start in range(Recording.objects.count(), rows, 5000):
        recordings = Recording.objects.bulk_create(
            Recording(
                meeting=meetings[n % MEETINGS],
                kind=Recording.Kind.LIVE if n % 2 else Recording.Kind.UPLOAD,
                offset_ms=n,
                audio="x",
                format="wav",
                size_bytes=1,
                duration_ms=2000,
            )
            for n in range(start, min(start + 5000, rows))
        )
        Transcription.objects.bulk_create(
            Transcription(recording=recording, meeting_id=recording.meeting_id, vendor="rtzr", language="ko")
            for recording in recordings
        )
    while Transcription.objects.filter(turn__isnull=True).exists():
        claims.let_in(timezone.now())
    if connection.vendor == "postgresql":  # it does so by itself after a while; SQLite never
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def measure(runs: int) -> list[float]:
    """Return the ms of each run but the first fifth: five rows come due, and five are claimed."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        found = claims.claim(Purpose.SUBMIT, timezone.now(), AT_ONCE, CAP)
        took.append(1000 * (time.perf_counter() - began))
        if len(found) != AT_ONCE:
            raise RuntimeError(f"{len(found)} rows were claimed instead of {AT_ONCE}")
        back = Transcription.objects.filter(pk__in=[claimed.transcription_id for claimed in found])
        back.update(next_action_at=timezone.now() - timedelta(milliseconds=1))
    return took[runs // 5 :]
