"""The gate's history and its events: one end for each episode, whoever died and whatever Redis lost."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection

from tests.stt import open_gate
from transcription import events
from transcription.gate import Gate, GateChange, Permit, Purpose, Refused
from transcription.models import GateEvent
from transcription.service import history, reports, watch
from transcription.service.accounts import gate_of
from transcription.service.watch import Watch

pytestmark = pytest.mark.django_db(transaction=True)

Published = list[tuple[str, int]]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """The events of the gate, as (type, version), in the order in which they were published."""
    found: Published = []

    def sent(group: str, event: dict[str, Any]) -> None:
        if group == events.stt_group("rtzr"):
            found.append((event["type"], event["version"]))

    monkeypatch.setattr(events, "_send", sent)
    return found


def told() -> list[tuple[str, int, str]]:
    return list(GateEvent.objects.order_by("pk").values_list("kind", "episode", "reason"))


def ask(gate: Gate) -> Permit:
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    return permit


def close(gate: Gate) -> None:
    """Close the gate, as a worker whose submit was refused does."""
    reports.report(gate, ask(gate), Refused("all", 600))
    assert gate.state().mode == "blocked"


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a watch wait for nothing."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(watch, "WRITTEN_WITHIN", 0.0)


def reopened(gate: Gate) -> GateChange:
    """Open the gate, and let whoever was told die."""
    change = gate.resume()
    assert change is not None
    assert change.kind == "opened"
    return change


def test_an_episode_whose_state_redis_lost_is_ended_and_pages_are_told(
    redis_connection: "redis.Redis", published: Published
) -> None:
    gate = gate_of("rtzr")
    close(gate)
    open_gate(redis_connection)
    Watch().look(gate)
    assert told() == [("closed", 1, "rate"), ("opened", 1, "")]
    assert GateEvent.objects.get(kind="opened").note == history.LOST
    [(delayed, before), (resumed, after)] = published
    assert (delayed, resumed) == ("stt.delayed", "stt.resumed")
    assert (
        before < after < gate.state().version
    )  # a page takes it for newer, and for older than the gate's state
    close(gate)
    assert [kind for kind, _ in published] == ["stt.delayed", "stt.resumed", "stt.delayed"]
    assert [version for _, version in published] == sorted(version for _, version in published)


def test_a_429_that_comes_before_anybody_looked_ends_the_old_episode_first(
    redis_connection: "redis.Redis", published: Published
) -> None:
    gate = gate_of("rtzr")
    close(gate)
    open_gate(redis_connection)
    close(gate)
    assert told() == [("closed", 1, "rate"), ("opened", 1, ""), ("closed", 1, "rate")]
    assert [kind for kind, _ in published] == ["stt.delayed", "stt.resumed", "stt.delayed"]
    versions = [version for _, version in published]
    assert versions == sorted(set(versions))
    Watch().look(gate)
    assert len(told()) == 3


def test_two_dispatchers_that_find_it_at_once_end_it_once(
    redis_connection: "redis.Redis", published: Published
) -> None:
    gate = gate_of("rtzr")
    close(gate)
    open_gate(redis_connection)
    together = threading.Barrier(4)

    def look() -> None:
        try:
            together.wait()
            Watch().look(gate_of("rtzr"))
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told() == [("closed", 1, "rate"), ("opened", 1, "")]
    assert [kind for kind, _ in published] == ["stt.delayed", "stt.resumed"]


@pytest.mark.parametrize("first", ["the watch", "the next 429"])
def test_an_opening_whose_caller_died_is_told_once_even_if_it_was_only_late(
    published: Published, first: str
) -> None:
    gate = gate_of("rtzr")
    close(gate)
    change = reopened(gate)
    if first == "the watch":
        Watch().look(gate)
    close(gate)
    ends = [("closed", 1, "rate"), ("opened", 1, ""), ("closed", 2, "rate")]
    assert told() == ends
    assert GateEvent.objects.get(kind="opened").note == history.UNTOLD

    reports.record(change, user=User.objects.create_user("late"), note="it was slow")

    assert told() == ends
    opened = GateEvent.objects.get(kind="opened")
    assert (opened.note, opened.user) == ("it was slow", User.objects.get())
    assert [kind for kind, _ in published] == ["stt.delayed", "stt.resumed", "stt.delayed"]


def test_the_end_of_an_episode_is_not_written_again_by_who_looked_before_it_was(published: Published) -> None:
    """The dispatcher reads the gate; then the true end is written; then the dispatcher writes."""
    gate = gate_of("rtzr")
    permits = [ask(gate) for _ in range(3)]
    for permit, seconds in zip(permits, (600.0, 700.0, 800.0), strict=True):
        reports.report(gate, permit, Refused("all", seconds))
    change = reopened(gate)
    stale = history.end_of(GateEvent.objects.earliest("pk"))
    reports.record(change)
    reports.record(stale)
    assert [kind for kind, *_ in told()] == ["closed", "moved", "moved", "opened"]
    assert [kind for kind, _ in published].count("stt.resumed") == 1


def test_a_closing_whose_caller_died_is_found_after_a_while(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    gate = gate_of("rtzr")
    close(gate)
    reports.record(reopened(gate))
    assert gate.report(ask(gate), Refused("all", 600)) is not None
    Watch().look(gate)
    assert len(told()) == 2  # whoever was told may be writing at this moment
    monkeypatch.setattr(watch, "WRITTEN_WITHIN", 0.0)
    both = Watch()
    both.look(gate)
    assert told()[2:] == [("closed", 2, "rate")]
    assert published[-1] == ("stt.delayed", gate.state().version)
    both.look(gate)
    assert len(told()) == 3


def test_a_hold_that_redis_lost_is_held_again(redis_connection: "redis.Redis", published: Published) -> None:
    gate = gate_of("rtzr")
    change = gate.hold("the contract ends")
    assert change is not None
    admin = User.objects.create_superuser("admin")
    reports.record(change, user=admin, note="the contract ends")
    open_gate(redis_connection)
    for _ in range(2):
        Watch().look(gate)
    state = gate.state()
    assert (state.mode, state.note) == ("held", "the contract ends")
    assert told() == [("closed", 1, "hold"), ("opened", 1, ""), ("closed", 1, "hold")]
    assert GateEvent.objects.latest("pk").user == admin


def test_each_pool_has_its_own_episodes(redis_connection: "redis.Redis", published: Published) -> None:
    gate = gate_of("rtzr")
    for pool in ("whisper", "sommers"):
        permit = gate.acquire(Purpose.SUBMIT, pool=pool)
        assert isinstance(permit, Permit)
        reports.report(gate, permit, Refused("submit", 600))
    Watch().look(gate)
    pools = GateEvent.objects.order_by("pk").values_list("pool", "kind")
    assert list(pools) == [("whisper", "closed"), ("sommers", "closed")]
    change = gate.resume()
    assert change is not None
    reports.record(change)  # one change for each pool
    assert set(pools.all()[2:]) == {("whisper", "opened"), ("sommers", "opened")}


def test_events_of_an_earlier_version_are_left_as_they_are(published: Published) -> None:
    GateEvent.objects.create(vendor="rtzr", kind="closed", episode=7, reason="rate")
    gate = gate_of("rtzr")
    Watch().look(gate)
    close(gate)
    reports.record(reopened(gate))
    assert [kind for kind, *_ in told()] == ["closed", "closed", "opened"]


def test_a_watch_looks_once_a_second_and_asks_the_database_once(
    django_assert_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of("rtzr")
    close(gate)
    reports.record(reopened(gate))
    one = Watch()
    with django_assert_num_queries(1):
        for _ in range(5):
            one.look(gate)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    with django_assert_num_queries(5):
        for _ in range(5):
            Watch().look(gate)


def test_an_account_in_trouble_is_one_alert_however_it_is_found(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    gate = gate_of("rtzr")
    close(gate)
    reports.record(reopened(gate))
    change = gate.report(ask(gate), Refused("quota"))
    assert change is not None
    both = Watch()
    for _ in range(3):
        both.look(gate)
    reports.record(change)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
