"""Attendance: what each connection reports, and who is here and records as a result."""

import pytest
import redis

from tests.waiting import wait_until
from transcription.live import attendance
from transcription.live.attendance import Doing, attendance_of, beat

MEETING = 7


def now() -> tuple[list[int], list[int]]:
    """Return who is here, and who is recording."""
    state = attendance_of(MEETING)
    return state["here"], state["recording"]


def test_nobody_is_there_at_first() -> None:
    assert attendance_of(MEETING) == {"version": 0, "here": [], "recording": []}


def test_who_comes_and_goes_is_told_once() -> None:
    come = beat(MEETING, 5, "a", Doing.HERE)
    assert come is not None
    assert (come["here"], come["recording"]) == ([5], [])
    assert beat(MEETING, 5, "a", Doing.HERE) is None
    gone = beat(MEETING, 5, "a", Doing.GONE)
    assert gone is not None
    assert gone["here"] == []
    assert gone["version"] > come["version"]


def test_several_tabs_of_one_person_are_one_person() -> None:
    beat(MEETING, 5, "a", Doing.HERE)
    assert beat(MEETING, 5, "b", Doing.RECORDING) is not None
    assert now() == ([5], [5])
    assert beat(MEETING, 5, "a", Doing.GONE) is None
    assert beat(MEETING, 5, "b", Doing.GONE) is not None
    assert now() == ([], [])


def test_people_are_in_order_whoever_came_first() -> None:
    for participant in 10, 9, 2:
        beat(MEETING, participant, "x", Doing.RECORDING)
    assert now() == ([2, 9, 10], [2, 9, 10])


def test_recording_ends_when_the_connection_says_so_or_goes() -> None:
    for end in Doing.HERE, Doing.GONE:
        assert beat(MEETING, 5, "a", Doing.RECORDING) is not None
        ended = beat(MEETING, 5, "a", end)
        assert ended is not None
        assert ended["recording"] == []


def test_meetings_are_apart() -> None:
    beat(MEETING, 5, "a", Doing.HERE)
    assert attendance_of(MEETING + 1)["here"] == []


def test_a_connection_that_died_is_forgotten_and_the_next_beat_of_another_tells_it(
    redis_connection: "redis.Redis",
) -> None:
    beat(MEETING, 5, "dead", Doing.RECORDING)
    beat(MEETING, 6, "alive", Doing.HERE)
    for name in "here", "recording":  # move the beat into the past, since Redis's clock cannot be moved
        redis_connection.zincrby(f"mico:meeting:{MEETING}:{name}", -attendance.EXPIRES_SECONDS, "5 dead")

    assert now() == ([6], [])  # reading without a beat shows it too

    told = beat(MEETING, 6, "alive", Doing.HERE)
    assert told is not None
    assert (told["here"], told["recording"]) == ([6], [])


@pytest.mark.parametrize(("seconds", "here"), [(14, [5]), (15, [])])
def test_a_connection_is_forgotten_15_seconds_after_its_last_beat(
    redis_connection: "redis.Redis", seconds: int, here: list[int]
) -> None:
    beat(MEETING, 5, "dead", Doing.HERE)

    def seen_within_one_second() -> tuple[list[int], list[int]] | None:
        """Return who is here `seconds` after the beat, or None if Redis's clock moved on between the two."""
        began, _ = redis_connection.time()
        redis_connection.zadd(f"mico:meeting:{MEETING}:here", {"5 dead": int(began) - seconds})
        seen = now()
        return seen if redis_connection.time()[0] == began else None

    assert wait_until(seen_within_one_second) == (here, [])


def _clock_ms(client: "redis.Redis") -> int:
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def test_versions_grow_even_when_redis_forgot_everything(redis_connection: "redis.Redis") -> None:
    first = beat(MEETING, 5, "a", Doing.HERE)
    assert first is not None
    wait_until(lambda: _clock_ms(redis_connection) > first["version"])
    redis_connection.flushdb()
    again = beat(MEETING, 5, "a", Doing.HERE)
    assert again is not None
    assert again["version"] > first["version"]


def test_nothing_is_kept_of_a_meeting_that_nobody_looks_at(redis_connection: "redis.Redis") -> None:
    beat(MEETING, 5, "a", Doing.RECORDING)
    for key in redis_connection.scan_iter("mico:meeting:*"):
        assert 0 < redis_connection.ttl(key) <= 10 * attendance.EXPIRES_SECONDS
