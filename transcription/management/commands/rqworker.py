"""`manage.py rqworker`: django-rq's command with the queue's serializer as the default, and less output.

Queue and worker must use the same serializer, and django-rq defaults to pickle whatever the queue's setting says.
"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django_rq.management.commands import rqworker

from transcription.lifecycle.worker import patiently
from transcription.live.redis_client import redis_client


class Command(rqworker.Command):
    """Run one worker."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        parser.set_defaults(serializer=settings.RQ_QUEUES["default"]["SERIALIZER"], verbosity=0)

    def handle(self, *args: Any, **options: Any) -> None:
        patiently(redis_client().ping)  # RQ's worker cannot even be made without Redis
        super().handle(*args, **options)  # type: ignore[no-untyped-call]
