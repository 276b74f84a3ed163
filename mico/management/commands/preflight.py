"""`manage.py preflight [--url URL]`: check everything that a demonstration needs."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mico import preflight


class Command(BaseCommand):
    """Print a line for each check. The exit status is 1 if one of them failed."""

    help = "Checks everything that Mico needs, and says what to do about each failure."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--url",
            default="",
            help="the address at which people open Mico, such as https://mico.example.org (default: this machine)",
        )

    def handle(self, *_args: Any, url: str, **_options: Any) -> None:
        """Run every check, whatever the result of the earlier ones."""
        failed = False
        for name, check in preflight.checks(url):
            try:
                self.stdout.write(f"{self.style.SUCCESS('ok')}      {name}: {check()}")
            except preflight.Failed as error:
                failed = True
                self.stdout.write(f"{self.style.ERROR('FAILED')}  {name}: {error}")
        if failed:
            sys.exit(1)
