"""Answers that go wrong, and what the client has seen and the vendor has done afterwards."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.emulator.program import TIMEOUT, Client, Program, refusal
from tests.emulator.sounds import wav
from tests.waiting import patient, wait_until

AUDIO = wav(0.1)


def accepted(echo: Program) -> int:
    count: int = echo.stats()["jobs"]["accepted"]
    return count


def last(echo: Program) -> dict[str, Any]:
    """The last entry of the log."""
    entry: dict[str, Any] = echo.stats()["log"][-1]
    return entry


def test_a_500_is_e500_for_as_many_requests_as_it_says(echo: Program, client: Client) -> None:
    echo.control("faults", kind="500", on="poll", count=2)
    answers = [client.poll("no-such-job") for _ in range(3)]
    assert [refusal(answer) for answer in answers] == [(500, "E500"), (500, "E500"), (404, "H0004")]


def test_a_401_is_what_a_client_with_the_wrong_secret_sees(echo: Program, client: Client) -> None:
    echo.control("faults", kind="401", on="all", count=3)
    answers = [echo.authenticate(), client.submit(AUDIO), client.poll("no-such-job")]
    assert [refusal(answer) for answer in answers] == [(401, "H0002")] * 3
    assert refusal(echo.authenticate("someone", "wrong")) == refusal(answers[0])
    assert accepted(echo) == 0


@pytest.mark.parametrize(("fields", "header"), [({}, None), ({"seconds": 1.5}, "2")])
def test_a_503_is_a_page_of_a_gateway_that_may_name_a_time(
    echo: Program, client: Client, fields: dict[str, float], header: str | None
) -> None:
    echo.control("faults", kind="503", on="submit", **fields)
    answer = client.submit(AUDIO)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, header)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert accepted(echo) == 0


def test_garbage_is_a_200_that_is_no_json(echo: Program, client: Client) -> None:
    echo.control("faults", kind="garbage", on="poll")
    answer = client.poll("no-such-job")
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("on", ["auth", "submit", "poll", "all"])
def test_a_fault_hits_its_route_only(echo: Program, client: Client, on: str) -> None:
    def answers() -> list[int]:
        return [
            echo.authenticate().status_code,
            client.submit(AUDIO).status_code,
            client.poll("no-such-job").status_code,
        ]

    echo.control("faults", kind="500", on=on, count=3 if on == "all" else 1)
    hit = {"auth": [500, 200, 404], "submit": [200, 500, 404], "poll": [200, 200, 500], "all": [500] * 3}
    assert answers() == hit[on]
    assert answers() == [200, 200, 404]


def test_a_drop_before_acceptance_makes_no_job(echo: Program, client: Client) -> None:
    echo.control("faults", kind="drop", on="submit")
    with pytest.raises(requests.ConnectionError):
        client.submit(AUDIO)
    assert accepted(echo) == 0
    assert (last(echo)["status"], last(echo)["fault"]) == (None, "drop")


def test_a_drop_after_acceptance_makes_a_job_nobody_knows_of(echo: Program, client: Client) -> None:
    echo.control("faults", kind="drop", on="submit", after=True)
    with pytest.raises(requests.ConnectionError):
        client.submit(AUDIO)
    assert accepted(echo) == 1
    assert client.outcome(last(echo)["job"])["status"] == "completed"
    client.accepted(AUDIO)
    assert echo.stats()["duplicates"] == 1


@pytest.mark.parametrize("kind", ["500", "garbage"])
def test_a_wrong_answer_after_acceptance_makes_a_job_too(echo: Program, client: Client, kind: str) -> None:
    echo.control("faults", kind=kind, on="submit", after=True)
    client.submit(AUDIO)
    assert accepted(echo) == 1


def test_a_refused_submit_does_not_use_up_a_fault_after_acceptance(echo: Program, client: Client) -> None:
    echo.control("faults", kind="500", on="submit", after=True)
    assert refusal(client.submit(b"no audio")) == (400, "H0010")
    assert refusal(client.submit(AUDIO)) == (500, "E500")


def test_a_hang_lasts_until_the_client_leaves(echo: Program, client: Client) -> None:
    echo.control("faults", kind="hang", on="submit")
    with pytest.raises(requests.ReadTimeout):
        client.submit(AUDIO, timeout=(TIMEOUT, 0.3))
    wait_until(lambda: last(echo).get("fault") == "hang")  # the log names a request once it is over
    assert (last(echo)["status"], accepted(echo)) == (None, 0)


def test_a_hang_can_end_without_an_answer(echo: Program, client: Client) -> None:
    echo.control("faults", kind="hang", on="poll", seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        client.poll("no-such-job")
    assert 0.2 <= last(echo)["seconds"] < patient(5)


def test_a_slow_answer_is_a_good_one(echo: Program, client: Client) -> None:
    job = client.accepted(AUDIO)
    client.outcome(job)
    echo.control("faults", kind="slow", on="poll", seconds=0.3)
    start = time.monotonic()
    assert client.poll(job).json()["status"] == "completed"
    assert time.monotonic() - start >= 0.3


def test_a_large_submit_is_read_before_it_is_dropped(echo: Program, client: Client) -> None:
    echo.control("faults", kind="500", on="submit")
    assert refusal(client.submit(wav(120))) == (500, "E500")


def test_faults_can_be_taken_back(echo: Program, client: Client) -> None:
    pending = echo.control("faults", kind="500", count=100)["faults"]
    assert pending == [{"kind": "500", "on": "all", "count": 100, "seconds": None, "after": False}]
    answer = echo.http.delete(f"{echo.url}/control/faults", timeout=TIMEOUT)
    assert answer.json() == {"faults": []}
    assert client.poll("no-such-job").status_code == 404


def test_the_controls_answer_whatever_the_faults_are(echo: Program) -> None:
    echo.control("faults", kind="hang", on="all", count=100)
    echo.control("throttle", seconds=60)
    assert echo.stats()["requests"]["poll"] == {}
    assert echo.control("reset") == {"reset": True}
