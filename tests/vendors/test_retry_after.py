"""The wait that an answer asks for, in every form in use. A malformed one means no wait."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from transcription.vendors.retry_after import parse

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
NOW = 784_111_777.0  # DATE in epoch seconds


def wait(headers: dict[str, str], body: object = None) -> float | None:
    return parse(CaseInsensitiveDict({"Date": DATE} | headers), body, now=0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("86400", 86400.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        (DATE, 0.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),  # in the past: no wait
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    assert wait({"retry-after": text}) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "soon",
        "inf",
        "nan",
        "1e3",
        "0x10",
        "1,5",
        "5 s",
        "1.",
        ".5",
        "5;6",
        "٣",
        "9" * 400,
        "99999999",  # three years: absurd
        "1700000000",  # epoch seconds, which Retry-After cannot hold
        "Sun, 06 Nov 1994 08:50:37 CET",
        "Sun, 31 Feb 1994 08:50:37 GMT",
        "Sun, 06 Nov 1994 25:50:37 GMT",
        "Sun, 06 Nov 2094 08:50:37 GMT",
        "06 Nov 1994",
    ],
)
def test_a_malformed_retry_after_is_as_if_it_were_not_there(text: str) -> None:
    assert wait({"Retry-After": text}) is None
    assert wait({"Retry-After": text, "retry-after-ms": "250"}) == 0.25


def test_without_a_date_of_the_answer_our_own_clock_counts() -> None:
    headers = {"Retry-After": "Sun, 06 Nov 1994 08:50:37 GMT"}
    assert parse(headers, now=NOW + 20) == 40.0
    assert parse(headers | {"Date": "yesterday"}, now=NOW + 20) == 40.0


def test_nothing_said_is_none() -> None:
    assert parse({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("2.5", 2.5),
        (str(int(NOW) + 30_000), None),  # epoch seconds are recognised from 1e9 on, in 2001
        ("6m0s", 360.0),
        ("285ms", 0.285),
        ("1h2m3.5s", 3723.5),
        ("0s", 0.0),
        ("10us", 1e-5),
        ("-1s", None),
        ("1d", None),
        ("s", None),
        ("", None),
        ("9999999h", None),
    ],
)
@pytest.mark.parametrize("name", ["x-ratelimit-reset", "RateLimit-Reset"])
def test_ratelimit_reset(name: str, text: str, seconds: float | None) -> None:
    assert wait({name: text}) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1700000042", 42.0), ("1700000042.5", 42.5), ("1700000042500", 42.5), ("1699999999", 0.0)],
)
def test_ratelimit_reset_as_a_moment(text: str, seconds: float) -> None:
    headers = CaseInsensitiveDict({"x-ratelimit-reset": text})
    assert parse(headers, now=1_700_000_000.0) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"default";r=0;t=30', 30.0),
        ('"default";t=30;r=0', 30.0),
        ('"burst";r=0;t=5, "day";r=0;t=600', 600.0),
        ('"burst";r=0;t=5, "day";r=10;t=600', 5.0),
        ('"a";r=0;t=5;pk=:YQ==:', 5.0),
        ('"default";r=3;t=30', None),
        ('"default";r=0', None),
        ('"default;r=0;t=30', None),
        ("default;r=0;t=30", None),
        ('"default";r=0;t=-3', None),
        ('"default";r=0;t=3.5', None),
        ('"default";r=0;t=30,', None),
        ("limit=100, remaining=0, reset=30", None),
    ],
)
def test_the_ratelimit_draft(text: str, seconds: float | None) -> None:
    assert wait({"RateLimit": text}) == seconds


def test_googles_retry_info_in_the_body() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"}
    body = {"error": {"code": 429, "details": [{"@type": "type.googleapis.com/google.rpc.Help"}, info]}}
    assert parse({}, body) == 3.5
    assert parse({}, [body]) == 3.5


@pytest.mark.parametrize("body", [None, [], [1], {"error": "x"}, {"error": {"details": {"a": 1}}}, "x", 5])
def test_any_other_body_says_nothing(body: object) -> None:
    assert parse({}, body) is None


def test_retry_after_wins_over_its_relatives() -> None:
    others = {"retry-after-ms": "1", "RateLimit": '"a";r=0;t=2', "X-RateLimit-Reset": "3"}
    assert wait({"Retry-After": "9"} | others) == 9.0


NAMES = ("Date", "Retry-After", "retry-after-ms", "RateLimit", "RateLimit-Reset", "X-RateLimit-Reset")
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text('0123456789.-+eE:;=," rtGMhmsunµ', max_size=40),
    st.integers().map(str),
    st.floats().map(str),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "details", "@type", "retryDelay"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(headers=st.dictionaries(st.sampled_from(NAMES), TEXTS), body=JSON)
def test_nothing_that_a_vendor_says_can_hurt(headers: dict[str, str], body: object) -> None:
    result = parse(headers, body)
    assert result is None or (math.isfinite(result) and result >= 0)
