"""What one page is told of changes of the account and of its pools: one episode at a time, and nothing of others."""

from typing import Any

from realtime.way import Way

ACCOUNT, OURS, OTHER = "", "whisper", "sommers"


def state(pool: str, name: str = "open", version: int = 1, reopens_at: str | None = None) -> dict[str, Any]:
    return {"pool": pool, "state": name, "version": version, "reopens_at": reopens_at, "now": "now"}


def event(kind: str, pool: str, version: int) -> dict[str, Any]:
    name = "open" if kind == "resumed" else "blocked"
    return {"type": f"stt.{kind}", **state(pool, name, version)}


def heard(way: Way, *events: dict[str, Any]) -> list[tuple[str, str, int] | None]:
    """Return (type, pool, version) of what the page is told of each event."""
    told = [way.hear(each) for each in events]
    return [None if news is None else (news["type"], news["pool"], news["version"]) for news in told]


def test_an_event_alone_is_handed_on_as_it_is() -> None:
    way = Way(state(ACCOUNT), {OURS: None})
    for each in event("delayed", OURS, 2), event("resumed", OURS, 3), event("delayed", ACCOUNT, 4):
        assert way.hear(each) == each


def test_another_pool_is_no_news() -> None:
    way = Way(state(ACCOUNT), {OURS: None})
    assert heard(way, event("delayed", OTHER, 2), event("resumed", OTHER, 3)) == [None, None]
    assert heard(Way(None, {}), event("delayed", OTHER, 2), event("delayed", ACCOUNT, 3)) == [
        *[None, ("stt.delayed", ACCOUNT, 3)]
    ]


def test_a_page_is_delayed_once_as_long_as_anything_of_its_way_is_closed() -> None:
    way = Way(state(ACCOUNT), {OURS: state(OURS)})
    assert heard(
        way,
        event("delayed", OURS, 2),
        event("delayed", ACCOUNT, 3),
        event("moved", OURS, 4),
        event("resumed", ACCOUNT, 5),
        event("resumed", OURS, 6),
    ) == [
        ("stt.delayed", OURS, 2),
        ("stt.moved", ACCOUNT, 3),
        None,  # the account is what the page shows
        ("stt.moved", OURS, 5),
        ("stt.resumed", OURS, 6),
    ]


def test_the_pool_that_opens_while_the_account_is_closed_is_no_news() -> None:
    way = Way(state(ACCOUNT, "blocked", 3), {OURS: state(OURS, "blocked", 3)})
    assert heard(way, event("resumed", OURS, 4), event("resumed", ACCOUNT, 5)) == [
        *[None, ("stt.resumed", ACCOUNT, 5)]
    ]


def test_of_two_pools_that_concern_a_page_the_later_one_is_shown() -> None:
    soon, late = "2026-11-30T12:00:00+00:00", "2026-11-30T12:01:00+00:00"
    way = Way(state(OURS, "blocked", 1, late), {OURS: state(OURS, "blocked", 1, late), OTHER: state(OTHER)})
    assert heard(way, event("delayed", OTHER, 2) | {"reopens_at": soon}, event("resumed", OURS, 3)) == [
        *[("stt.moved", OURS, 2), ("stt.moved", OTHER, 3)]
    ]


def test_late_events_are_dropped_in_their_pool_and_are_news_in_another() -> None:
    way = Way(state(ACCOUNT), {OURS: None})
    assert heard(way, event("resumed", OURS, 5), event("delayed", OURS, 4), event("delayed", ACCOUNT, 3)) == [
        *[("stt.resumed", OURS, 5), None, ("stt.delayed", ACCOUNT, 5)]  # or the page would take it for old
    ]


def test_an_event_of_the_version_before_is_the_accounts() -> None:
    old = event("delayed", ACCOUNT, 2)
    del old["pool"]
    assert Way(state(ACCOUNT), {OURS: None}).hear(old) == old
