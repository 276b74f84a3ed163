"""What waits for the disk on SQLite: what people were told and what was paid for, and neither claims nor leases."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due
from transcription.models import Transcription
from transcription.models.flushing import may_be_lost

pytestmark = pytest.mark.django_db(transaction=True)

Commit = tuple[str, list[str]]  # (FULL or NORMAL, its statements)


@pytest.fixture
def commits() -> Iterator[list[Commit]]:
    """Yield the commits of this process to SQLite, as SQLite itself tells them. Empty on PostgreSQL."""
    found: list[Commit] = []
    mode = "FULL"
    statements: list[str] = []
    within = False

    def trace(sql: str) -> None:
        nonlocal mode, within, statements
        if told := re.match(r"PRAGMA synchronous=(\w+)", sql):
            mode = told[1]
        elif sql.startswith("BEGIN"):
            within, statements = True, []
        elif sql in {"COMMIT", "ROLLBACK"}:
            if sql == "COMMIT" and statements:
                found.append((mode, statements))
            within, statements = False, []
        elif re.match("INSERT|UPDATE|DELETE", sql):
            statements.append(sql)
            if not within:
                found.append((mode, statements))
                statements = []

    def listen(connection: BaseDatabaseWrapper, **_: object) -> None:
        if connection.vendor == "sqlite":
            connection.connection.set_trace_callback(trace)

    connection_created.connect(listen)
    connection.close()
    connection.ensure_connection()
    yield found
    connection_created.disconnect(listen)
    connection.close()


def test_a_recording_waits_for_the_disk_only_where_it_must(emulator: Emulator, commits: list[Commit]) -> None:
    if connection.vendor != "sqlite":
        return  # only SQLite flushes its file at each commit
    emulator.turnaround(seconds=3600)
    recording = a_recording(a_meeting())
    commits.clear()

    run_due()  # claimed, begun, sent
    sent = list(commits)
    commits.clear()
    emulator.turnaround(seconds=0)
    emulator.control("reset")
    make_due()
    commits.clear()
    run_due()
    polled = list(commits)

    def about(found: list[Commit], mode: str) -> list[str]:
        return [" ".join(statements) for how, statements in found if how == mode]

    flushed = about(sent, "FULL")
    assert len(flushed) == 2, flushed
    assert "'submitting'" in flushed[0]  # before the POST
    assert "'processing'" in flushed[1]  # with the vendor's job id
    lost = about(sent, "NORMAL")
    assert len(lost) == 3, lost  # into its turn, the claim, the job's beginning
    assert not any('"status" = ' in sql.partition(" WHERE ")[0] for sql in lost)
    assert len(about(polled, "NORMAL")) == 2, polled  # the claim, the job's beginning
    assert len(about(polled, "FULL")) == 1, polled
    assert row_of(recording).status == Transcription.Status.FAILED  # the vendor forgot the job


def test_after_such_a_write_and_after_its_failure_commits_are_flushed_again() -> None:
    def level() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous")
            found: int = cursor.fetchone()[0]
            return found

    if connection.vendor != "sqlite":
        return  # nothing is changed there
    with may_be_lost():
        assert level() == 1
    assert level() == 2
    with pytest.raises(ZeroDivisionError), may_be_lost():
        raise ZeroDivisionError
    assert level() == 2
    with transaction.atomic(), may_be_lost():
        assert level() == 2  # of a transaction that must survive
