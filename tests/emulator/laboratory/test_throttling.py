"""Throttles and limits as a client meets them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.program import Client, Program, refusal
from tests.emulator.sounds import wav
from tests.waiting import wait_until

AUDIO = wav(0.1)


@pytest.mark.parametrize(
    ("on", "submit", "poll"), [("submit", 429, 404), ("poll", 200, 429), ("all", 429, 429)]
)
def test_a_throttle_is_for_its_routes(echo: Program, client: Client, on: str, submit: int, poll: int) -> None:
    echo.control("throttle", seconds=60, on=on)
    assert (client.submit(AUDIO).status_code, client.poll("no-such-job").status_code) == (submit, poll)


@pytest.mark.parametrize("code", ["A0001", "A0002", "A0003", "A9999"])
def test_a_throttle_says_its_code(echo: Program, client: Client, code: str) -> None:
    echo.control("throttle", seconds=60, code=code)
    answer = client.submit(AUDIO)
    assert refusal(answer) == (429, code)
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("retry_after", "sent"),
    [
        (7, "7"),
        (0, "0"),
        (1.5, "1.5"),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"),
        (True, "60"),
    ],
)
def test_retry_after_goes_out_verbatim(echo: Program, client: Client, retry_after: object, sent: str) -> None:
    echo.control("throttle", seconds=60, retry_after=retry_after)
    assert client.poll("no-such-job").headers["Retry-After"] == sent


def test_a_throttle_ends_by_itself(echo: Program, client: Client) -> None:
    start = time.time()
    echo.control("throttle", seconds=0.3)
    wait_until(lambda: client.poll("no-such-job").status_code == 404)
    assert echo.stats()["log"][-1]["t"] - start >= 0.3


def test_a_bad_token_is_told_before_a_throttle(echo: Program, client: Client) -> None:
    echo.control("throttle", seconds=60)
    client.headers["Authorization"] = "bearer unknown"
    assert refusal(client.poll("no-such-job")) == (401, "H0002")


def test_jobs_in_flight_fill_the_concurrency(echo: Program, client: Client) -> None:
    echo.control("limits", concurrency=2)
    echo.control("turnaround", seconds=60)
    assert [client.submit(AUDIO).status_code for _ in range(2)] == [200, 200]
    assert refusal(client.submit(AUDIO)) == (429, "A0002")
    assert echo.client("someone else").submit(AUDIO).status_code == 200


def test_each_model_has_its_own_concurrency(echo: Program, client: Client) -> None:
    def submit(model: str, language: str, times: int) -> list[int]:
        config = {"model_name": model, "language": language}
        return [client.submit(AUDIO, config).status_code for _ in range(times)]

    echo.control("limits", concurrency=1)
    echo.control("turnaround", seconds=60)
    assert submit("sommers", "ko", 2) == submit("whisper", "en", 2) == [200, 429]
    echo.control("limits", concurrency_by_model={"sommers": 3})
    assert submit("sommers", "ja", 3) == [200, 200, 429]
    assert submit("whisper", "ko", 1) == [429]
    transcribing = {model: jobs["transcribing"] for model, jobs in echo.stats()["jobs_by_model"].items()}
    assert transcribing == {"sommers": 3, "whisper": 1}


def test_a_job_that_is_over_makes_room(echo: Program, client: Client) -> None:
    echo.control("limits", concurrency=1)
    for _ in range(2):
        client.outcome(client.accepted(AUDIO))


def test_uploads_at_the_same_time_cannot_slip_through_the_concurrency(echo: Program, client: Client) -> None:
    echo.control("limits", concurrency=3)
    echo.control("turnaround", seconds=60)
    large = wav(30)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.submit(large).status_code, range(12)))
    assert sorted(answers) == [200] * 3 + [429] * 9
    assert echo.stats()["jobs"]["transcribing"] == 3


def test_a_rate_refuses_with_a_code_for_each_route(echo: Program, client: Client) -> None:
    echo.control("limits", rate=0.01, burst=1, retry_after=True)
    assert client.submit(AUDIO).status_code == 200
    answer = client.submit(AUDIO)
    assert refusal(answer) == (429, "A0002")
    assert 90 <= int(answer.headers["Retry-After"]) <= 100
    assert refusal(client.poll("no-such-job")) == (429, "A0003")


def test_a_poll_limit_is_a0003_and_the_job_is_fine(echo: Program, client: Client) -> None:
    job = client.accepted(AUDIO)
    client.outcome(job)
    echo.control("limits", poll_rate=0.01)
    assert client.poll(job).status_code == 200
    assert refusal(client.poll(job)) == (429, "A0003")
    echo.control("limits", poll_rate=None)
    assert client.poll(job).json()["status"] == "completed"


def test_a_window_lets_its_number_pass(echo: Program, client: Client) -> None:
    echo.control("limits", rate=3, window=60, on="poll")
    assert [client.poll("no-such-job").status_code for _ in range(5)] == [404] * 3 + [429] * 2


def test_limits_that_are_not_named_stay(echo: Program) -> None:
    echo.control("limits", concurrency=2, rate=5)
    found = echo.control("limits", rate=None)["limits"]
    assert (found["concurrency"], found["rate"]) == (2, None)


def test_a_turnaround_can_be_told_while_it_lasts(echo: Program, client: Client) -> None:
    echo.control("turnaround", seconds=30, progress=True)
    job = client.accepted(wav(2))
    seen = [client.poll(job).json()["progress"] for _ in range(2)]
    assert [told["duration_ms"] for told in seen] == [2000, 2000]
    assert 0 <= seen[0]["done_ms"] <= seen[1]["done_ms"] < 2000
    wait_until(lambda: client.poll(job).json()["progress"]["done_ms"] > seen[1]["done_ms"])

    echo.control("turnaround", seconds=30)
    assert "progress" not in client.poll(job).json()


def test_a_turnaround_follows_the_length_of_the_audio(echo: Program, client: Client) -> None:
    echo.control("turnaround", factor=2)
    start = time.time()
    long, short = client.accepted(wav(30)), client.accepted(wav(0.1))
    client.outcome(short)
    assert echo.stats()["log"][-1]["t"] - start >= 0.2
    assert client.poll(long).json()["status"] == "transcribing"


def test_what_is_not_named_in_a_turnaround_is_none(echo: Program, client: Client) -> None:
    echo.control("turnaround", factor=1000, sigma=1, seconds=60)
    assert echo.control("turnaround")["turnaround"] == {
        "factor": 0,
        "sigma": 0,
        "seconds": 0,
        "progress": False,
    }
    assert client.outcome(client.accepted(AUDIO))["status"] == "completed"
