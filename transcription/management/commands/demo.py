"""`manage.py demo`: the sample meeting, transcribed by the running Mico."""

import time
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from transcription import sample
from transcription.models import Transcription


class Command(BaseCommand):
    """Load the sample, wait for the transcript and print it."""

    help = "Loads a sample meeting of two speakers and transcribes it. Mico has to be running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--username", help="the owner of the new meeting (default: the first administrator)"
        )
        parser.add_argument(
            "--timeout", type=float, default=120.0, help="seconds to wait for the transcript (default: 120)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError if there is no user to own the meeting, or no transcript in time."""
        users = get_user_model().objects.filter(is_active=True)
        name = options["username"]
        user = users.filter(username=name).first() if name else users.filter(is_superuser=True).first()
        if user is None:
            raise CommandError("There is no such user. Run `make run` once, or name one with --username.")
        meeting = sample.load(user)
        self.stdout.write(f"Loaded {reverse('meeting', args=[meeting.pk])} and waiting for its transcript …")
        row = self._finished(Transcription.objects.current().get(meeting=meeting), options["timeout"])
        if row.status != Transcription.Status.DONE:
            raise CommandError(
                f"The transcription ended as {row.status}: {row.error_code} {row.error_detail}"
            )
        for line in row.utterances.order_by("position"):
            self.stdout.write(f"{line.start_ms / 1000:6.1f} s  {line.speaker}  {line.text}")

    def _finished(self, row: Transcription, timeout: float) -> Transcription:
        deadline = time.monotonic() + timeout
        while row.is_live:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"The transcription is still {row.get_status_display()} after {timeout:g} s. "
                    "Is `make run` running in another window?"
                )
            time.sleep(0.2)
            row.refresh_from_db()
        return row
