"""`manage.py dispatch`: one dispatcher. One is enough; two or more are safe."""

from typing import Any

from django.core.management.base import BaseCommand

from transcription.lifecycle.dispatch import Dispatcher


class Command(BaseCommand):
    """Hands what is due to the workers, until told to stop."""

    help = "Hands due transcriptions to the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs until SIGTERM or SIGINT."""
        Dispatcher().run()
