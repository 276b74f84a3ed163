"""The place in the queue and the estimated time: what they count, and when none is given."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.polling.test_plan import history
from tests.rows import a_row
from tests.stt import a_meeting
from transcription.gate import Permit, Purpose, Refused
from transcription.lifecycle.claims import claim
from transcription.live.presence import Heartbeat, Role
from transcription.models import Meeting, Transcription
from transcription.polling import estimate, plan
from transcription.polling.estimate import Job, Way, estimate_jobs
from transcription.service.accounts import gate_of
from transcription.snapshot import meeting_snapshot

pytestmark = pytest.mark.django_db(transaction=True)

OPEN: dict[Purpose, float | None] = {Purpose.POLL: 0.0, Purpose.SUBMIT: 0.0}


@pytest.fixture
def working(redis_connection: "redis.Redis") -> Iterator[None]:
    """Send the heartbeats of a worker and a dispatcher."""
    beats = [Heartbeat(Role.WORKER), Heartbeat(Role.DISPATCH)]
    for beat in beats:
        beat.start()
        beat.alive_for(3600)  # no loop comes round here
    yield
    for beat in beats:
        beat.stop()


def waiting(recording: int, usual_s: float = 10, known: bool = True, file: bool = False) -> Job:
    return Job(recording, waiting=True, purpose=Purpose.SUBMIT, usual_s=usual_s, known=known, file=file)


def sent(recording: int, usual_s: float = 10, file: bool = False) -> Job:
    return Job(recording, waiting=False, purpose=Purpose.POLL, usual_s=usual_s, known=True, file=file)


def etas(jobs: list[Job], way: Way) -> list[float | None]:
    return [outlook["eta_s"] for outlook in estimate_jobs(jobs, way).values()]


def queued(meeting: Meeting, **values: object) -> Transcription:
    values.setdefault("duration_ms", 5000)
    return a_row(meeting, status="queued", next_action_at=timezone.now(), **values)


def test_with_no_limit_known_each_takes_what_its_like_usually_take() -> None:
    found = estimate_jobs([sent(1, 3), waiting(2, 10), waiting(3, 20)], Way(OPEN))

    assert [f["queue_position"] for f in found.values()] == [None, 1, 2]
    assert [f["eta_s"] for f in found.values()] == [3, 10, 20]


def test_the_wait_at_the_gate_counts_for_those_that_it_stops() -> None:
    closed = Way({Purpose.POLL: 0.0, Purpose.SUBMIT: 60.0})

    assert etas([sent(1, 3), waiting(2, 10)], closed) == [3, 70]
    assert etas([sent(1, 3)], Way({Purpose.POLL: 60.0, Purpose.SUBMIT: 60.0})) == [60]


def test_at_a_learned_pace_the_later_ones_wait_longer() -> None:
    assert etas([waiting(n) for n in range(4)], Way(OPEN, pace=0.5)) == [10, 12, 14, 16]


def test_where_the_vendor_takes_only_so_many_at_once_the_next_begins_when_one_ends() -> None:
    jobs = [sent(1, 4), sent(2, 6), waiting(3), waiting(4), waiting(5)]

    assert etas(jobs, Way(OPEN, slots=2)) == [4, 6, 14, 16, 24]


def test_files_wait_for_a_place_of_a_file_though_the_vendor_takes_more_jobs() -> None:
    files = [sent(1, 8, file=True), waiting(3, file=True), waiting(4, file=True)]
    speech = [waiting(2)]

    assert etas([files[0], *speech, *files[1:]], Way(OPEN, slots=3)) == [8, 10, 18, 28]


def test_a_job_of_an_unknown_kind_gets_a_place_but_no_time() -> None:
    assert estimate_jobs([waiting(1, known=False)], Way(OPEN)) == {1: {"queue_position": 1, "eta_s": None}}
    assert etas([waiting(1), sent(2)], Way(dict.fromkeys(Purpose))) == [None, None]


def test_the_places_are_the_order_in_which_the_dispatcher_claims(working: None) -> None:
    crowded, quiet = a_meeting("crowded"), a_meeting("quiet")
    rows = [queued(crowded, kind="upload"), queued(crowded), queued(crowded), queued(quiet)]

    places = [estimate.of(row)["queue_position"] for row in rows]
    claimed = [c.transcription_id for c in claim(Purpose.SUBMIT, timezone.now(), 10, 10)]

    assert places == [4, 1, 3, 2]
    assert [claimed.index(row.pk) + 1 for row in rows] == places


def test_an_estimate_appears_once_there_are_samples(working: None) -> None:
    row = queued(a_meeting())
    assert estimate.of(row) == {"queue_position": 1, "eta_s": None}

    history(*[(19_000, 21_000)] * 20)
    plan.forget()
    estimate.forget()

    assert estimate.of(row)["eta_s"] == pytest.approx(20, rel=0.1)


def test_what_is_under_way_has_less_to_go_the_older_it_is(working: None) -> None:
    history(*[(19_000, 21_000)] * 20)
    meeting, now = a_meeting(), timezone.now()
    row = a_row(meeting, status="processing", submitted_at=now - timedelta(seconds=12), duration_ms=5000)

    assert estimate.of(row)["eta_s"] == pytest.approx(8, abs=2)


def test_what_the_vendor_tells_of_a_job_goes_before_what_its_like_took(working: None) -> None:
    history(*[(19_000, 21_000)] * 20)
    now = timezone.now()
    row = a_row(
        a_meeting(),
        kind="upload",
        status="processing",
        submitted_at=now - timedelta(seconds=70),
        seen_running_at=now - timedelta(seconds=3),
        duration_ms=2_400_000,
        progress_ms=720_000,
        progress_speed=10.0,
    )

    assert estimate.of(row)["eta_s"] == pytest.approx(1680 / 10 - 3, abs=2)


def test_a_first_job_that_tells_how_far_it_is_has_a_time_unless_it_stands_still(working: None) -> None:
    now = timezone.now()
    told = {"status": "processing", "submitted_at": now, "seen_running_at": now, "progress_ms": 100_000}
    moves = a_row(a_meeting(), duration_ms=200_000, progress_speed=5.0, **told)
    stands = a_row(a_meeting(), duration_ms=200_000, progress_speed=0.0, **told)

    assert estimate.of(moves)["eta_s"] == pytest.approx(20, abs=2)
    assert estimate.of(stands)["eta_s"] is None


def test_a_closed_gate_is_in_it_and_an_admins_hold_takes_it_away(working: None) -> None:
    history(*[(19_000, 21_000)] * 20)
    row, gate = queued(a_meeting()), gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    gate.report(permit, Refused("all", 300))
    assert estimate.of(row)["eta_s"] == pytest.approx(320, rel=0.03)

    gate.hold("maintenance")
    estimate.forget()

    assert estimate.of(row) == {"queue_position": 1, "eta_s": None}


@pytest.mark.parametrize("scope", ["quota", "credentials"])
def test_a_refused_account_takes_the_estimate_away(
    working: None, scope: Literal["quota", "credentials"]
) -> None:
    history(*[(19_000, 21_000)] * 20)
    row, gate = queued(a_meeting()), gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    gate.report(permit, Refused(scope))

    assert estimate.of(row) == {"queue_position": 1, "eta_s": None}


def test_submits_are_estimated_at_half_of_the_pace_because_each_job_takes_a_poll_too(
    working: None, redis_connection: "redis.Redis"
) -> None:
    history(*[(19_000, 21_000)] * 20)
    redis_connection.hset("mico:gate:{rtzr}", mapping={"pace.rate": 0.5, "pace.settle": 100})
    meeting = a_meeting()

    first, second, third = [estimate.of(row)["eta_s"] or 0 for row in [queued(meeting) for _ in range(3)]]

    assert second - first == pytest.approx(4, abs=0.2)
    assert third - second == pytest.approx(4, abs=0.2)


def test_while_nobody_works_no_time_is_given(redis_connection: "redis.Redis") -> None:
    history(*[(19_000, 21_000)] * 20)

    assert estimate.of(queued(a_meeting())) == {"queue_position": 1, "eta_s": None}


def test_what_is_finished_or_sent_since_has_no_place(working: None) -> None:
    meeting = a_meeting()
    row = queued(meeting)
    assert estimate.of(row)["queue_position"] == 1

    row.status = Transcription.Status.PROCESSING

    assert estimate.of(row)["queue_position"] is None
    assert estimate.of(a_row(meeting)) == estimate.NOTHING


def test_forty_files_and_twenty_pages_cost_one_look(working: None) -> None:
    meeting = a_meeting()
    for _ in range(40):
        queued(meeting)
    meeting_snapshot(meeting)

    with CaptureQueriesContext(connection) as queries:
        snapshots = [meeting_snapshot(meeting) for _ in range(20)]

    assert len(queries) == 20  # one query each, besides the shared look
    assert sorted(o["queue_position"] or 0 for o in snapshots[0]["outlook"].values()) == list(range(1, 41))


def test_a_snapshot_tells_of_its_own_meeting_only(working: None) -> None:
    mine, other = a_meeting("mine"), a_meeting("other")
    row = queued(mine)
    queued(other)
    a_row(mine)

    assert set(meeting_snapshot(mine)["outlook"]) == {row.recording_id}


@pytest.mark.usefixtures("working", "pooled")
def test_the_place_and_the_time_are_those_in_the_pool() -> None:
    history(*[(900, 1000)] * 40, model="whisper")
    history(*[(900, 1000)] * 40, model="sommers")
    english, korean = a_meeting("english"), a_meeting("korean", language="ko")
    for number in range(2):  # whisper is full
        a_row(
            english, status="processing", language="en", pool="whisper", vendor_job_id=f"job {number}",
            submitted_at=timezone.now(), duration_ms=5000,
        )  # fmt: skip
    waits = [queued(english, language="en", pool="whisper") for _ in range(3)]
    free = queued(korean, language="ko", pool="sommers")
    assert [estimate.of(row)["queue_position"] for row in (*waits, free)] == [1, 2, 3, 1]
    first, third, other = (estimate.of(row)["eta_s"] for row in (waits[0], waits[2], free))
    assert first is not None
    assert third is not None
    assert other is not None
    assert other < first < third


@pytest.mark.usefixtures("working", "pooled")
def test_a_closed_pool_makes_only_those_wait_longer_who_wait_for_it() -> None:
    for model in "whisper", "sommers":
        history(*[(900, 1000)] * 40, model=model)
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT, pool="whisper")
    assert isinstance(permit, Permit)
    assert gate.report(permit, Refused("submit", 60.0)) is not None
    english = queued(a_meeting("english"), language="en", pool="whisper")
    korean = queued(a_meeting("korean", language="ko"), language="ko", pool="sommers")
    late, soon = estimate.of(english)["eta_s"], estimate.of(korean)["eta_s"]
    assert late is not None
    assert soon is not None
    assert late > 50 > soon
