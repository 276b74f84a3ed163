"""Preparation before the processes start: tables, static files, the first administrator.

What takes more than a moment, mostly at the first start, prints a line.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

FIRST_ADMIN = "admin"


def migrate() -> None:
    """Apply the migrations. Raises django.db.DatabaseError."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        print("Bringing the database up to date …", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def collect_static(stamp: Path) -> None:
    """Collect the static files, if any has changed since `stamp` was written."""
    digest = hashlib.sha256("\n".join(_static_files()).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest and settings.STATIC_ROOT.is_dir():
        return
    print("Preparing the files of the pages …", flush=True)
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest)


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = Path(storage.path(name))
            status = path.stat()
            yield f"{path} {status.st_mtime_ns} {status.st_size}"


def administrator() -> User:
    """Return the first superuser. If there is none, create one without a password."""
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return existing
    name = FIRST_ADMIN
    while User.objects.filter(username=name).exists():
        name += "_"  # an ordinary user has that name and must not become an administrator
    return User.objects.create_superuser(name)
