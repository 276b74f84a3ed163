"""/stt, and `delayed`: the recording is not finished, and the gate is closed for what it needs next."""

from typing import Any, Literal

import pytest
import redis
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from tests.rows import a_row
from transcription.gate import Gate, Permit, Purpose, Refused
from transcription.live import presence
from transcription.live.presence import Heartbeat, Role
from transcription.live.redis_client import redis_client
from transcription.models import Meeting, Transcription
from transcription.service import standing


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Redis seem to be away."""

    def fail(*_args: object, **_options: object) -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(Gate, "states", fail)
    monkeypatch.setattr(presence, "alive", fail)


def throttled(scope: Literal["all", "submit", "quota"], retry_after_s: float = 30.0) -> None:
    """Report to the gate that the vendor answered a submit with a 429."""
    gate = Gate(redis_client(), "rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    gate.report(permit, Refused(scope, retry_after_s))


def delayed(client: Client, row: Transcription) -> Any:
    return client.get(f"/api/v1/recordings/{row.recording_id}").json()["delayed"]


def test_the_gate_is_open_at_first(client: Client) -> None:
    [answer] = client.get("/api/v1/stt").json()
    assert parse_datetime(answer.pop("now")) is not None
    assert answer.pop("version") >= 0  # any number will do before the first change
    languages = answer.pop("languages")
    assert len(languages) == 101  # all but Cantonese, and the modes
    assert {"ko", "haw", "detect", "multi"} < set(languages)
    assert answer == {
        "vendor": "rtzr",
        "pool": "",
        "pools": [],
        "state": "open",
        "scope": None,
        "reason": None,
        "since": None,
        "reopens_at": None,
        "note": "",
        "episode": 0,
        "waiting": 0,
        "in_flight": 0,
        "presence": {"workers": 0, "dispatchers": 0},
    }


def test_a_throttle_is_told_with_the_time_of_the_next_try(client: Client) -> None:
    before = timezone.now()
    throttled("all", 30.0)
    [answer] = client.get("/api/v1/stt").json()
    assert (answer["state"], answer["scope"], answer["reason"]) == ("blocked", "all", "rate")
    since, reopens = (parse_datetime(answer[name]) for name in ("since", "reopens_at"))
    assert since is not None
    assert reopens is not None
    assert 30 <= (reopens - since).total_seconds() < 32
    assert abs((since - before).total_seconds()) < 5


def test_it_counts_who_waits_and_who_is_being_worked_on(client: Client, meeting: Meeting) -> None:
    for status in ("queued", "queued", "submitting", "processing", "done", "failed", "cancelled"):
        a_row(meeting, status=status)
    [answer] = client.get("/api/v1/stt").json()
    assert (answer["waiting"], answer["in_flight"]) == (3, 1)


def test_vendors_are_counted_apart_and_old_ones_stay_in_sight(client: Client, meeting: Meeting) -> None:
    a_row(meeting, status="queued", vendor="bygone")
    a_row(meeting, status="processing")
    answer = client.get("/api/v1/stt").json()
    assert [(v["vendor"], v["waiting"], v["in_flight"]) for v in answer] == [
        ("bygone", 1, 0),
        ("rtzr", 0, 1),
    ]


def test_who_is_alive_is_told(client: Client) -> None:
    beat = Heartbeat(Role.WORKER)
    beat.start()
    beat.alive_for(3600)  # no loop comes round here
    try:
        for _ in range(100):
            [answer] = client.get("/api/v1/stt").json()
            if answer["presence"] == {"workers": 1, "dispatchers": 0}:
                break
        else:
            pytest.fail(f"no worker in {answer}")
    finally:
        beat.stop()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_rest_is_told(client: Client, meeting: Meeting) -> None:
    a_row(meeting, status="queued")
    [answer] = client.get("/api/v1/stt").json()
    assert (answer["state"], answer["presence"], answer["waiting"]) == ("unknown", None, 1)


@pytest.mark.parametrize(
    ("status", "scope", "expected"),
    [
        ("queued", "all", True),
        ("submitting", "all", True),
        ("processing", "all", True),
        ("done", "all", False),
        ("failed", "all", False),
        ("cancelled", "all", False),
        ("queued", "submit", True),
        ("submitting", "submit", True),
        ("processing", "submit", False),  # polls go on, because they free places
        ("queued", "quota", True),
        ("processing", "quota", False),
    ],
)
def test_delayed_is_what_the_gate_holds_up(
    client: Client, meeting: Meeting, status: str, scope: Any, expected: bool
) -> None:
    row = a_row(meeting, status=status)
    assert delayed(client, row) is False
    throttled(scope)
    assert delayed(client, row) is expected
    summary = client.get(f"/api/v1/meetings/{meeting.pk}").json()["recordings"]
    assert [r["delayed"] for r in summary] == [expected]


def test_what_is_done_is_not_delayed_beside_what_waits(client: Client, meeting: Meeting) -> None:
    a_row(meeting, status="done")
    a_row(meeting, status="queued")
    throttled("all")
    summary = client.get(f"/api/v1/meetings/{meeting.pk}").json()["recordings"]
    assert [(r["status"], r["delayed"]) for r in summary] == [("done", False), ("queued", True)]


def test_after_the_gate_opens_nothing_is_delayed(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="queued")
    throttled("all")
    Gate(redis_client(), "rtzr").resume()
    assert delayed(client, row) is False


def test_the_gate_of_another_vendor_delays_nobody(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="queued", vendor="other")
    throttled("all")
    assert delayed(client, row) is False


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_recording_can_still_be_seen(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="queued")
    answer = client.get(f"/api/v1/recordings/{row.recording_id}").json()
    assert (answer["status"], answer["delayed"]) == ("queued", False)


@pytest.mark.usefixtures("no_redis")
def test_what_is_finished_asks_no_gate(
    client: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_vendor: str) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(standing, "_states", never)
    row = a_row(meeting, status="done")
    assert client.get(f"/api/v1/recordings/{row.recording_id}").json()["status"] == "done"


def test_a_redis_that_is_really_away_costs_no_answer(
    client: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = a_row(meeting, status="queued")
    nowhere = redis.Redis.from_url("unix:///nowhere/redis.sock?db=0")
    for module in ("service.accounts", "live.presence"):
        monkeypatch.setattr(f"transcription.{module}.redis_client", lambda: nowhere)
    assert delayed(client, row) is False
    assert client.get("/api/v1/stt").json()[0]["state"] == "unknown"
    assert client.get(f"/api/v1/meetings/{meeting.pk}").json()["recordings"][0]["delayed"] is False
