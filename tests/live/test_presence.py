"""Which processes count as alive."""

import pytest
import redis

from tests.waiting import wait_until
from transcription.live.presence import Heartbeat, Role, alive


@pytest.mark.parametrize(("seconds", "workers"), [(10, 1), (11, 0)])
def test_a_worker_is_gone_when_its_last_heartbeat_is_more_than_10_seconds_old(
    redis_connection: "redis.Redis", seconds: int, workers: int
) -> None:
    def seen_within_one_second() -> list[int] | None:
        """Return the live workers `seconds` after the heartbeat, or None if Redis's clock moved on meanwhile."""
        began, _ = redis_connection.time()
        redis_connection.zadd("mico:alive:worker", {"killed": int(began) - seconds})
        seen = alive()["workers"]
        return [seen] if redis_connection.time()[0] == began else None

    assert wait_until(seen_within_one_second) == [workers]


def test_a_process_whose_loop_is_overdue_is_not_alive_until_it_comes_round(
    redis_connection: "redis.Redis",
) -> None:
    beat = Heartbeat(Role.WORKER)
    beat.start()
    try:
        wait_until(lambda: alive()["workers"] == 1)
        beat.alive_for(0)  # its thread still runs
        wait_until(lambda: alive()["workers"] == 0)

        beat.alive_for(60)

        wait_until(lambda: alive()["workers"] == 1)
    finally:
        beat.stop()
    assert alive()["workers"] == 0
