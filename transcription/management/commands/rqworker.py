"""`manage.py rqworker`: django-rq's command with the queue's serializer as the default, and less output.

Queue and worker must use the same serializer, and django-rq defaults to pickle whatever the queue's setting says.
"""

from argparse import ArgumentParser

from django.conf import settings
from django_rq.management.commands import rqworker


class Command(rqworker.Command):
    """Run one worker."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[no-untyped-call]
        parser.set_defaults(serializer=settings.RQ_QUEUES["default"]["SERIALIZER"], verbosity=0)
