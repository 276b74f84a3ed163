"""`manage.py rqworker`: django-rq's own, with the queue's serializer as the default, and quiet.

Queue and worker must agree on it, and django-rq's default is pickle whatever the queue's setting says.
"""

from argparse import ArgumentParser

from django.conf import settings
from django_rq.management.commands import rqworker


class Command(rqworker.Command):
    """Runs one worker."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As django-rq's."""
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        parser.set_defaults(serializer=settings.RQ_QUEUES["default"]["SERIALIZER"], verbosity=0)
