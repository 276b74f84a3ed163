"""Writes that may be lost in a power failure, and so need not wait for the disk (SQLite).

The settings let SQLite flush its file at each commit: what was acknowledged to a browser, and the vendor's job id,
must survive. A claim or a job's lease need not: without it the row is due again, as after a crash. Commits stay in
their order, so a later one that is flushed takes the earlier ones to the disk with it. And nothing is lost when only
a process ends. https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def may_be_lost() -> Iterator[None]:
    """Commit what is written within the block without waiting for the disk. Inside a transaction, do nothing.

    On PostgreSQL too nothing changes: its one log takes the flushes of many commits together.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            cursor.execute("PRAGMA synchronous=FULL")
