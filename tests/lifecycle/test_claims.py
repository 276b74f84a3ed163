"""The turns in which waiting recordings are claimed: fair, and at a cost that does not grow with the queue."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tests.rows import a_row
from tests.stt import a_meeting
from transcription.gate import Purpose
from transcription.lifecycle import claims, states
from transcription.lifecycle.claims import claim, let_in
from transcription.models import Meeting, Recording, Transcription, Turn
from transcription.models.turns import NEVER_SERVED

pytestmark = pytest.mark.django_db

Status = Transcription.Status


def queued(meeting: Meeting, kind: str = "live", **values: object) -> Transcription:
    values.setdefault("next_action_at", timezone.now())
    return a_row(meeting, kind=kind, status="queued", **values)


def claimed(limit: int = 100, cap: int | None = None) -> list[int]:
    return [c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), limit, cap)]


def fill(meeting: Meeting, status: str, number: int) -> None:
    """Write so many recordings with a transcription that waits in its turn, or has ended."""
    ended = status in Transcription.TERMINAL
    now = timezone.now()
    turn = None if ended else Turn.objects.create(meeting=meeting, kind="live", waiting=True, served_at=now)
    recordings = Recording.objects.bulk_create(
        Recording(meeting=meeting, kind="live", offset_ms=n, audio="x", format="wav", size_bytes=1)
        for n in range(number)
    )
    Transcription.objects.bulk_create(
        Transcription(
            recording=recording,
            meeting=meeting,
            vendor="rtzr",
            language="en",
            status=status,
            turn=turn,
            next_action_at=None if ended else now,
            finished_at=now if ended else None,
        )
        for recording in recordings
    )


# --- Fair -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_between_two_turns_of_a_meeting_each_other_that_waits_gets_one(seed: int) -> None:
    """Whatever comes and whatever is claimed at once: live speech and files each take turns of their own."""
    chance = random.Random(seed)
    meetings = [a_meeting(str(n)) for n in range(5)]
    meeting_of: dict[int, int] = {}
    kind_of: dict[int, str] = {}
    waits: dict[int, int] = {}  # row: the number of claims before it came
    order: list[int] = []
    for _ in range(25):
        for _ in range(chance.randrange(5)):
            meeting, kind = chance.choice(meetings), chance.choice(["live", "live", "upload"])
            row = queued(meeting, kind)
            meeting_of[row.pk], kind_of[row.pk], waits[row.pk] = meeting.pk, kind, len(order)
        order += claimed(chance.randrange(1, 5))
        left = [pk for pk in meeting_of if pk not in order]
        if order and kind_of[order[-1]] == "upload":
            assert not [pk for pk in left if kind_of[pk] == "live"], "a file went before live speech"
    order += claimed(1000)
    assert sorted(order) == sorted(meeting_of)

    place = {pk: number for number, pk in enumerate(order)}
    for kind in ("live", "upload"):
        for owner in {m.pk for m in meetings}:
            mine = [pk for pk in order if meeting_of[pk] == owner and kind_of[pk] == kind]
            assert mine == sorted(mine), "a meeting's own recordings changed their order"
            for one, next_one in pairwise(mine):
                between = order[place[one] + 1 : place[next_one]]
                for other in {m.pk for m in meetings} - {owner}:
                    waited = [
                        pk
                        for pk in order[place[next_one] :]
                        if meeting_of[pk] == other and kind_of[pk] == kind and waits[pk] <= place[one]
                    ]
                    served = [pk for pk in between if meeting_of[pk] == other and kind_of[pk] == kind]
                    assert served or not waited, f"{other} waited while {owner} had two turns"


def test_claimed_five_at_a_time_three_meetings_get_the_same() -> None:
    """The round goes on where the last claim ended: it does not begin with the same meeting again."""
    meetings = [a_meeting(str(n)) for n in range(3)]
    meeting_of = {queued(meeting).pk: meeting.pk for _ in range(10) for meeting in meetings}

    order = [meeting_of[pk] for _ in range(3) for pk in claimed(5)]

    assert [order.count(meeting.pk) for meeting in meetings] == [5, 5, 5]


def test_a_new_meeting_is_next_but_not_before_one_that_has_waited_longer() -> None:
    old = a_meeting("old")
    first = queued(old)
    assert claimed(1) == [first.pk]
    second, new = queued(old), queued(a_meeting("new"))
    assert claimed(1) == [new.pk]

    Turn.objects.filter(meeting=old).update(served_at=timezone.now() - 2 * NEVER_SERVED)
    queued(a_meeting("newer"))

    assert claimed(1) == [second.pk]


def test_what_comes_back_is_the_first_of_its_meeting_again() -> None:
    crowded, quiet = a_meeting("crowded"), a_meeting("quiet")
    rows = [queued(crowded) for _ in range(3)]
    other = queued(quiet)
    assert claimed(1) == [rows[0].pk]
    back = Transcription.objects.get(pk=rows[0].pk)
    assert states.reschedule(back, timezone.now())  # the vendor refused it

    assert claimed() == [other.pk, rows[0].pk, rows[1].pk, rows[2].pk]


def test_what_pauses_after_an_error_is_in_no_turn_until_its_time() -> None:
    row = queued(a_meeting())
    assert claimed() == [row.pk]
    assert states.reschedule(
        Transcription.objects.get(pk=row.pk), timezone.now() + timedelta(minutes=5), attempts=1
    )
    let_in(timezone.now())
    assert claimed() == []
    assert Transcription.objects.get().turn_id is None

    after = timezone.now() + timedelta(minutes=6)
    assert [c.transcription_id for c in claim(Purpose.SUBMIT, after, 1)] == [row.pk]


def test_large_files_and_others_of_a_meeting_take_one_turn(settings: Settings) -> None:
    settings.STT_HEAVY_AT_ONCE = 9
    both, other = a_meeting("both"), a_meeting("other")
    rows = [queued(both, "upload") for _ in range(4)]
    for large in rows[1::2]:
        large.recording.size_bytes = settings.STT_HEAVY_BYTES + 1
        large.recording.save()
    others = [queued(other, "upload") for _ in range(2)]

    assert claimed() == [rows[0].pk, others[0].pk, rows[1].pk, others[1].pk, rows[2].pk, rows[3].pk]
    assert Turn.objects.filter(meeting=both).values("served_at").distinct().count() == 1


# --- Beside others ----------------------------------------------------------------------------------


def test_what_ended_or_was_claimed_by_a_version_without_turns_is_passed_over() -> None:
    meeting = a_meeting()
    rows = [queued(meeting) for _ in range(3)]
    empty = [queued(a_meeting(str(n))) for n in range(12)]
    let_in(timezone.now())
    Transcription.objects.filter(pk=rows[0].pk).update(
        status="cancelled", next_action_at=None, finished_at=timezone.now()
    )
    Transcription.objects.filter(pk=rows[1].pk).update(next_action_at=timezone.now() + timedelta(seconds=20))
    Transcription.objects.filter(pk__in=[row.pk for row in empty]).delete()

    got = [pk for _ in range(3) for pk in claimed(1)]

    assert got == [rows[2].pk]
    assert not Turn.objects.filter(waiting=True).exists()
    assert not Transcription.objects.filter(turn__isnull=False).exists()


def test_a_turn_that_was_empty_is_found_again_when_something_comes() -> None:
    meeting = a_meeting()
    first = queued(meeting)
    assert claimed() == [first.pk]
    assert not Turn.objects.get().waiting

    second = queued(meeting)

    assert claimed() == [second.pk]
    assert Turn.objects.count() == 1


def test_more_rows_than_one_look_puts_in_turn_come_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "AT_ONCE", 2)
    meeting = a_meeting()
    rows = [queued(meeting).pk for _ in range(5)]

    found = [set(claimed()) for _ in range(4)]

    assert [len(some) for some in found] == [2, 2, 1, 0]
    assert set().union(*found) == set(rows)


# --- What it costs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [0, 40])
def test_a_claim_costs_the_same_queries_however_many_rows_wait(
    django_assert_num_queries: DjangoAssertNumQueries, waiting: int
) -> None:
    meetings = [a_meeting("one"), a_meeting("two")]
    for n in range(waiting + 8):
        queued(meetings[n % 2], "upload" if n % 4 > 1 else "live")
    claimed(1)
    with django_assert_num_queries(9):
        # newly due; turns of live speech, their rows; SAVEPOINT, still due, claim, served, emptied, RELEASE
        claim(Purpose.SUBMIT, timezone.now(), 2, None)
    Transcription.objects.update(next_action_at=timezone.now())
    let_in(timezone.now())
    with django_assert_num_queries(16):
        # also: what is under way, for each status; large files in work; turns of files, large ones, their rows
        claim(Purpose.SUBMIT, timezone.now(), 2, 10)


@contextmanager
def without_scans() -> Iterator[None]:
    """Let PostgreSQL use indexes for tables as small as a test's, which it would rightly scan."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
            # Other tests have left the indexes full of what they rolled back.
            cursor.execute("REINDEX TABLE transcription_transcription")
            cursor.execute("ANALYZE transcription_transcription")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")


def plans(captured: CaptureQueriesContext) -> dict[str, str]:
    """Return the plan of each query that was captured and reads rows."""
    found = {}
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            if query["sql"].startswith("SELECT"):
                explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
                cursor.execute(f"{explain} {query['sql']}")
                found[query["sql"]] = "\n".join(str(line) for line in cursor.fetchall())
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("purpose", Purpose)
def test_no_query_of_a_claim_reads_what_waits_or_has_ended(purpose: Purpose) -> None:
    meeting = a_meeting()
    fill(meeting, "done", 1000)
    fill(meeting, "queued", 1000)
    rows = [queued(meeting, kind) for kind in ("live", "upload") for _ in range(3)]
    if purpose is Purpose.POLL:
        for row in rows:
            Transcription.objects.filter(pk=row.pk).update(status="processing", vendor_job_id="job")
    with without_scans():
        with CaptureQueriesContext(connection) as captured:
            assert len(claim(purpose, timezone.now(), 2, 10)) == 2
        of_claim = plans(captured)
    assert len(of_claim) >= (2 if purpose is Purpose.POLL else 9)
    for sql, plan in of_claim.items():
        assert "SCAN" not in plan, (sql, plan)
        assert "Seq Scan" not in plan, (sql, plan)
        # Sorting would mean that all rows in question are read to find the first ones.
        assert "TEMP B-TREE" not in plan, (sql, plan)
        if "LIMIT" in sql:
            assert "Sort" not in plan, (sql, plan)
    used = "\n".join(of_claim.values())
    wanted = {Purpose.POLL: ["transcription_due"]}.get(
        purpose, ["transcription_newly_due", "turn_next", "transcription_in_turn", "transcription_due"]
    )
    for index in wanted:
        assert index in used


def test_a_claim_notes_when_the_meeting_was_served() -> None:
    meeting = a_meeting()
    queued(meeting)
    before = timezone.now()

    claimed()

    assert Turn.objects.get(meeting=meeting).served_at >= before
