"""The arithmetic of the limits, in virtual time."""

from __future__ import annotations

import pytest

from emulator.laboratory.limits import FixedWindow, Limited, Limits, LimitSettings, SlidingWindow, TokenBucket
from emulator.service.protocol import VendorError


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock)


def refused(limits: Limits, route: Limited = "submit", account: str = "a") -> tuple[str, str | None] | None:
    """The code and the Retry-After of a refusal, None when the request passes."""
    try:
        limits.admit(route, account)
    except VendorError as error:
        return error.code, error.retry_after
    return None


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.admit(10.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.admit(10.25) == 0.25
    assert [bucket.admit(10.5), bucket.admit(10.5)] == [0, 0.5]
    assert [bucket.admit(100.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_client_that_waits_as_long_as_a_bucket_says_always_passes() -> None:
    bucket, now = TokenBucket(rate=7, burst=1), 0.1
    for _ in range(1000):
        now += bucket.admit(now)
        bucket.admit(now)
    assert now == pytest.approx(1000 / 7, rel=0.01)


def test_a_fixed_window_starts_anew_as_a_whole() -> None:
    window = FixedWindow(limit=2, seconds=60, start=5.0)
    assert [window.admit(at) for at in (5.0, 50.0, 60.0, 64.0)] == [0, 0, 5, 1]
    assert [window.admit(at) for at in (65.0, 65.0, 65.0)] == [0, 0, 60]
    assert window.admit(500.0) == 0


def test_a_sliding_window_counts_refused_requests_too() -> None:
    window = SlidingWindow(limit=2, seconds=60)
    assert [window.admit(at) for at in (0.0, 10.0)] == [0, 0]
    assert window.admit(50.0) == 20  # of the last two attempts the older one leaves the window at 70
    assert window.admit(69.0) == 41  # and this knock made it later
    assert window.admit(110.0) == 0


def test_without_settings_everything_passes(limits: Limits) -> None:
    assert [refused(limits, "submit"), refused(limits, "poll")] == [None, None]
    limits.admit_job("sommers", lambda: 10_000)


def test_a_rate_counts_both_routes_and_names_each_with_its_code(limits: Limits) -> None:
    limits.configure(LimitSettings(rate=1, burst=2))
    assert [refused(limits, "submit"), refused(limits, "poll")] == [None, None]
    assert [refused(limits, "submit"), refused(limits, "poll")] == [("A0002", None), ("A0003", None)]


def test_the_code_of_refused_submits_can_be_chosen(limits: Limits) -> None:
    limits.configure(LimitSettings(rate=1, code="A0003"))
    assert [refused(limits), refused(limits)] == [None, ("A0003", None)]


def test_a_rate_can_be_for_one_route(limits: Limits) -> None:
    limits.configure(LimitSettings(rate=1, on="submit"))
    assert [refused(limits, "submit"), refused(limits, "submit")] == [None, ("A0002", None)]
    assert [refused(limits, "poll") for _ in range(5)] == [None] * 5


def test_a_poll_rate_leaves_submits_alone(limits: Limits) -> None:
    limits.configure(LimitSettings(poll_rate=2))
    assert [refused(limits, "poll") for _ in range(3)] == [None, None, ("A0003", None)]
    assert [refused(limits, "submit") for _ in range(5)] == [None] * 5


def test_each_account_has_limits_of_its_own(limits: Limits) -> None:
    limits.configure(LimitSettings(rate=1))
    assert [refused(limits, account="a"), refused(limits, account="b")] == [None, None]
    assert [refused(limits, account="a"), refused(limits, account="b")] == [("A0002", None)] * 2


def test_a_window_makes_the_rate_a_number_of_requests(limits: Limits, clock: Clock) -> None:
    limits.configure(LimitSettings(rate=2, window=60, retry_after=True))
    clock.now += 59
    assert [refused(limits) for _ in range(3)] == [None, None, ("A0002", "1")]
    clock.now += 1
    assert refused(limits) is None


def test_a_sliding_window_is_chosen_by_its_flag(limits: Limits, clock: Clock) -> None:
    limits.configure(LimitSettings(rate=1, window=60, sliding=True))
    assert refused(limits) is None
    clock.now += 59
    assert refused(limits) == ("A0002", None)
    clock.now += 59
    assert refused(limits) == ("A0002", None)
    clock.now += 60
    assert refused(limits) is None


def test_concurrency_counts_what_it_is_told(limits: Limits) -> None:
    limits.configure(LimitSettings(concurrency=2, concurrency_by_model={"sommers": 3}))
    limits.admit_job("whisper", lambda: 1)
    limits.admit_job("sommers", lambda: 2)
    with pytest.raises(VendorError):
        limits.admit_job("sommers", lambda: 3)
    with pytest.raises(VendorError) as refusal:
        limits.admit_job("whisper", lambda: 2)
    assert (refusal.value.status, refusal.value.code, refusal.value.retry_after) == (429, "A0002", None)


def test_a_throttle_lasts_as_long_as_it_says(limits: Limits, clock: Clock) -> None:
    limits.throttle("all", 10, "A0003", retry_after=True)
    assert [refused(limits, "submit"), refused(limits, "poll")] == [("A0003", "10")] * 2
    clock.now += 9.5
    assert refused(limits) == ("A0003", "1")
    clock.now += 0.5
    assert refused(limits) is None
    assert limits.throttled() == {}


def test_a_throttle_of_no_seconds_ends_one(limits: Limits) -> None:
    limits.throttle("submit", 10, "A0001", None)
    limits.throttle("poll", 10, "A0003", None)
    limits.throttle("submit", 0, "A0001", None)
    assert limits.throttled() == {"poll": 10}


@pytest.mark.parametrize(
    ("retry_after", "sent"),
    [(None, None), (True, "10"), (3, "3"), (1.5, "1.5"), (-1, "-1"), ("soon", "soon")],
)
def test_retry_after_is_sent_as_it_is_given(
    limits: Limits, retry_after: float | str | None, sent: str | None
) -> None:
    limits.throttle("all", 10, "A0003", retry_after)
    assert refused(limits) == ("A0003", sent)


def test_a_throttled_request_uses_up_nothing_of_a_rate(limits: Limits) -> None:
    limits.configure(LimitSettings(rate=1))
    limits.throttle("all", 10, "A0003", None)
    assert refused(limits) == ("A0003", None)
    limits.throttle("all", 0, "A0003", None)
    assert refused(limits) is None
