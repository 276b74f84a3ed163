"""The gate's history by episode, also when a part of it is missing."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from transcription.models import GateEvent
from transcription.service import episodes
from transcription.service.episodes import Episode

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def history(*events: tuple[int, str, int, str], vendor: str = "rtzr") -> None:
    """Write rows as `reports.record` does, given as (seconds ago, kind, episode, reason)."""
    for ago, kind, number, reason in events:
        GateEvent.objects.create(
            vendor=vendor,
            kind=kind,
            episode=number,
            reason=reason,
            lane="all",
            at=NOW - timedelta(seconds=ago),
        )


def in_short(found: list[Episode]) -> list[tuple[int, bool, bool, list[str], float | None]]:
    """Return (number, closing known, opening known, reasons, seconds) of each episode."""
    return [
        (
            each.number,
            each.closed is not None,
            each.opened is not None,
            each.reasons,
            None if (lasted := each.lasted(NOW)) is None else lasted.total_seconds(),
        )
        for each in found
    ]


def test_nothing_happened_yet() -> None:
    assert episodes.latest("rtzr", 5) == []


def test_from_closing_to_opening_with_all_its_reasons_the_newest_first() -> None:
    history(
        (100, "closed", 1, "rate"),
        (90, "moved", 1, "rate"),
        (80, "moved", 1, "quota"),
        (70, "opened", 1, ""),
        (20, "closed", 2, "unavailable"),
    )
    assert in_short(episodes.latest("rtzr", 5)) == [
        (2, True, False, ["unavailable"], 20.0),
        (1, True, True, ["rate", "quota"], 30.0),
    ]


def test_an_end_that_nobody_wrote_is_not_made_up() -> None:
    history((100, "opened", 1, ""), (50, "closed", 2, "rate"), (10, "closed", 3, "rate"))
    assert in_short(episodes.latest("rtzr", 5)) == [
        (3, True, False, ["rate"], 10.0),
        (2, True, False, ["rate"], 50.0),
        (1, False, True, [], None),
    ]


def test_when_redis_lost_its_state_the_numbers_begin_again() -> None:
    history(
        (100, "closed", 1, "rate"),
        (90, "opened", 1, ""),
        (50, "closed", 1, "quota"),
        (40, "opened", 1, ""),
    )
    assert in_short(episodes.latest("rtzr", 5)) == [
        (1, True, True, ["quota"], 10.0),
        (1, True, True, ["rate"], 10.0),
    ]


def test_not_those_of_another_vendor_and_not_more_than_asked_for() -> None:
    history(*((2 * n, "closed", n, "rate") for n in range(1, 9)))
    history((1, "closed", 99, "rate"), vendor="another")
    assert [each.number for each in episodes.latest("rtzr", 3)] == [1, 2, 3]


def test_costs_two_queries_however_long_the_history_is() -> None:
    history(*((n, "moved", 1, "rate") for n in range(1, 60)), (60, "closed", 1, "rate"))
    with CaptureQueriesContext(connection) as queries:
        [found] = episodes.latest("rtzr", 5)
    assert len(queries) == 2
    assert found.moves == {"rate": 59}
