"""`manage.py dispatch`: run a dispatcher. One is enough; several are safe."""

from typing import Any

from django.core.management.base import BaseCommand

from transcription.lifecycle.dispatch import Dispatcher


class Command(BaseCommand):
    """Hand due transcriptions to the workers until told to stop."""

    help = "Hands due transcriptions to the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        Dispatcher().run()
