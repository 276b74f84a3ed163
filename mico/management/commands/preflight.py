"""manage.py preflight [--url URL]: whether everything that a demonstration needs is there."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mico import preflight


class Command(BaseCommand):
    """A line for each check; status 1 if one of them failed."""

    help = "Tries everything that Mico needs, and says what to do about what fails."

    def add_arguments(self, parser: CommandParser) -> None:
        """--url."""
        parser.add_argument(
            "--url",
            default="",
            help="where people reach Mico, e.g. https://mico.example.org (default: web on this machine)",
        )

    def handle(self, *_args: Any, url: str, **_options: Any) -> None:
        """Every check is made, whatever the ones before it said."""
        failed = False
        for name, check in preflight.checks(url):
            try:
                self.stdout.write(f"{self.style.SUCCESS('ok')}      {name}: {check()}")
            except preflight.Failed as error:
                failed = True
                self.stdout.write(f"{self.style.ERROR('FAILED')}  {name}: {error}")
        if failed:
            sys.exit(1)
