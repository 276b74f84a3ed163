"""`manage.py sweep [--dry-run] [--min-age HOURS]`: remove the files that processes which died have left behind."""

import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from transcription.lifecycle import sweep
from transcription.sound import left_over

# A file is there before its row. Below this age nobody can tell whether its row is still to come.
SHORTEST = 1.0  # hours


class Command(BaseCommand):
    """Print a line for each file: what became of it, its age, its size, its name, and why it is listed."""

    help = "Removes files that nothing needs any more, and tells of recordings whose files are gone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="remove nothing")
        parser.add_argument(
            "--min-age",
            type=float,
            metavar="HOURS",
            default=settings.SWEEP_MIN_AGE / timedelta(hours=1),
            help="remove only what is older (default: %(default)g, from SWEEP_MIN_AGE_HOURS; at least 1)",
        )
        parser.add_argument(
            "--no-meeting",
            action="store_true",
            help="also remove files of meetings that the database does not have: first make sure that it is the"
            " right database, and not an old copy",
        )

    def handle(self, *_args: Any, dry_run: bool, min_age: float, no_meeting: bool, **_options: Any) -> None:
        """Sweep. The exit status is 1 if a file could not be removed, or a recording's file is gone."""
        if not min_age >= SHORTEST:
            raise CommandError(
                f"--min-age is at least {SHORTEST:g} hour: a younger file may get its row yet."
            )
        count = size = failed = 0
        for swept in sweep.sweep(timedelta(hours=min_age), dry_run=dry_run, of_no_meeting=no_meeting):
            file = swept.file
            hours = swept.age / timedelta(hours=1)
            bytes_ = "" if file.size_bytes is None else filesizeformat(file.size_bytes)
            self.stdout.write(f"{swept.what:16}  {hours:8.1f} h  {bytes_:>10}  {file.name}  ({file.why})")
            if swept.what in {"removed", "would be removed"}:
                count, size = count + 1, size + (file.size_bytes or 0)
            failed += swept.what == "failed"
        gone = 0
        for recording, name in left_over.without_file():
            gone += 1
            self.stdout.write(f"missing: the file {name} of recording {recording} is not in the storage")
        done = "would be removed" if dry_run else "removed"
        self.stdout.write(f"{count} {done}, {filesizeformat(size)}; {failed} failed; {gone} missing.")
        if failed or gone:
            sys.exit(1)
