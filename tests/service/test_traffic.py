"""Requests are counted by the minute on the clock of Redis, and read back as a day of slots."""

from collections import Counter

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from transcription.gate import Gate, Ok, Outcome, Permit, Purpose, Refused, Unavailable, Unused
from transcription.live.redis_client import redis_client
from transcription.service import reports, traffic
from transcription.service.traffic import Slot

# 12 minutes and 30 s after a whole hour.
NOW = 1_800_000_000 // 3600 * 3600 + 750


def by_minute(now: float = NOW) -> dict[int, Counter[traffic.Result]]:
    """Return the counts of the last day by how many minutes ago they were."""
    slots = traffic.last_day("rtzr", now=now)
    return {len(slots) - 1 - n: slot.counts for n, slot in enumerate(slots) if slot.total}


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (Ok(), "ok"),
        (Refused("all"), "rate"),
        (Refused("submit", 3.0), "concurrency"),
        (Refused("quota"), "quota"),
        (Refused("credentials"), "credentials"),
        (Unavailable(), "unavailable"),
    ],
)
def test_a_request_is_counted_by_what_became_of_it(outcome: Outcome, result: str) -> None:
    traffic.count("rtzr", outcome, now=NOW)
    assert by_minute() == {0: {result: 1}}


def test_what_was_not_sent_is_no_request() -> None:
    traffic.count("rtzr", Unused(), now=NOW)
    assert by_minute() == {}


def test_each_minute_and_each_vendor_has_its_own_count() -> None:
    for ago in (0, 31, 59, 60, 125):  # seconds; the minute of NOW began 30 s ago
        traffic.count("rtzr", Ok(), now=NOW - ago)
    traffic.count("another", Refused("all"), now=NOW)
    assert by_minute() == {0: {"ok": 1}, 1: {"ok": 3}, 2: {"ok": 1}}


def test_a_day_is_read_to_the_quarter_of_an_hour_and_no_further() -> None:
    begins = NOW - 750 - 95 * 900
    traffic.count("rtzr", Ok(), now=begins)
    traffic.count("rtzr", Refused("all"), now=begins - 1)
    slots = traffic.last_day("rtzr", now=NOW)
    assert slots[0] == Slot(begins, slots[0].counts)
    assert (slots[0].answered, sum(slot.total for slot in slots)) == (1, 1)
    assert [slot.begins for slot in slots] == list(range(begins, NOW + 1, 60))


def test_without_a_time_the_clock_of_redis_counts(redis_connection: "redis.Redis") -> None:
    traffic.count("rtzr", Ok())
    slots = traffic.last_day("rtzr")
    assert sum(slot.total for slot in slots[-2:]) == 1  # two: a minute may begin in between
    [key] = redis_connection.keys("mico:traffic:*")
    assert traffic.DAY < redis_connection.ttl(key) <= traffic.KEPT


@given(counts=st.lists(st.tuples(st.integers(0, 95 * 15), st.sampled_from(["ok", "rate", "quota"]))))
def test_grouping_loses_nothing(counts: list[tuple[int, str]]) -> None:
    first = NOW - 750 - 95 * 900
    slots = [Slot(first + 60 * n, Counter()) for n in range(95 * 15 + 13)]
    for n, result in counts:
        slots[n].counts[result] += 1  # type: ignore[index]
    quarters = traffic.grouped(slots, traffic.QUARTER)
    assert [slot.begins for slot in quarters] == list(range(first, NOW, 900))
    assert sum(slot.total for slot in quarters) == len(counts)
    assert sum(slot.refused for slot in quarters) == sum(result != "ok" for _, result in counts)


def a_permit() -> tuple[Gate, Permit]:
    gate = Gate(redis_client(), "rtzr")
    permit = gate.acquire(Purpose.POLL)
    assert isinstance(permit, Permit)
    return gate, permit


@pytest.mark.django_db
def test_every_report_is_counted() -> None:
    reports.report(*a_permit(), Ok())
    reports.report(*a_permit(), Refused("all", 60.0))
    slots = traffic.last_day("rtzr")
    assert (sum(slot.answered for slot in slots), sum(slot.refused for slot in slots)) == (1, 1)


@pytest.mark.django_db
def test_a_report_does_not_fail_for_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, permit = a_permit()

    def away() -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(traffic, "redis_client", away)
    reports.report(gate, permit, Refused("all", 60.0))
    assert gate.state().mode == "blocked"
