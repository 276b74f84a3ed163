"""What the controls count, forget, and refuse."""

from __future__ import annotations

import contextlib
import hashlib
import time

import pytest
import requests

from tests.emulator.program import TIMEOUT, Client, Program, refusal
from tests.emulator.sounds import wav
from tests.waiting import wait_until


def test_requests_are_counted_by_route_and_status(echo: Program, client: Client) -> None:
    client.accepted(wav(0.1))
    client.submit(b"no audio")
    client.poll("no-such-job")
    client.poll("no-such-job")
    echo.authenticate("someone", "wrong")
    assert echo.stats()["requests"] == {
        "authenticate": {"200": 1, "401": 1},
        "submit": {"200": 1, "400": 1},
        "poll": {"404": 2},
    }


def test_jobs_are_counted_by_state_and_by_their_audio(echo: Program, client: Client) -> None:
    echo.control("turnaround", seconds=0)
    first, second = wav(0.1), wav(0.1, level=1)
    for audio in (first, second, first):
        client.outcome(client.accepted(audio))
    echo.control("turnaround", seconds=60)
    client.accepted(first)
    stats = echo.stats()
    assert stats["jobs"] == {"accepted": 4, "transcribing": 1, "completed": 3, "failed": 0}
    assert stats["audio"] == {hashlib.sha256(first).hexdigest(): 3, hashlib.sha256(second).hexdigest(): 1}
    assert stats["duplicates"] == 2


def test_every_accepted_job_is_listed_with_its_audio(echo: Program, client: Client) -> None:
    first, second = wav(0.1), wav(0.1, level=1)
    made = [(client.accepted(audio), hashlib.sha256(audio).hexdigest()) for audio in (first, second, first)]
    answer = requests.get(f"{echo.url}/control/jobs", timeout=TIMEOUT).json()
    assert [(job["id"], job["sha256"]) for job in answer["jobs"]] == made


def test_the_log_tells_of_each_request(echo: Program, client: Client) -> None:
    start = time.time()
    echo.control("throttle", seconds=60, on="poll", code="A0003")
    echo.control("turnaround", seconds=30)
    job = client.accepted(wav(0.1))
    client.poll(job)
    submit, poll = echo.stats()["log"][-2:]
    assert {name: submit[name] for name in ("route", "status", "job", "in_flight")} == {
        "route": "submit",
        "status": 200,
        "job": job,
        "in_flight": 1,
    }
    assert (poll["route"], poll["status"], poll["code"]) == ("poll", 429, "A0003")
    assert start <= submit["t"] <= poll["t"] <= time.time()
    assert submit["t"] + 30 <= submit["ready_at"] <= poll["t"] + 30
    assert "ready_at" not in poll


def test_the_log_is_bounded_and_the_seconds_are_not_lost(echo: Program, client: Client) -> None:
    for _ in range(510):
        client.poll("no-such-job")
    stats = echo.stats()
    assert len(stats["log"]) == 500
    assert sum(second.get("poll", {}).get("404", 0) for second in stats["by_second"]) == 510


def test_requests_under_way_are_visible(echo: Program) -> None:
    def polls() -> int:
        count: int = echo.stats()["in_flight"]["poll"]
        return count

    echo.control("faults", kind="hang", on="poll", count=3)
    with contextlib.ExitStack() as hanging:
        for _ in range(3):
            hanging.enter_context(echo.hanging_poll())
        wait_until(lambda: polls() == 3)
    wait_until(lambda: polls() == 0)
    assert {entry["in_flight"] for entry in echo.stats()["log"][-3:]} == {1, 2, 3}


def test_a_reset_forgets_all_but_the_tokens(echo: Program, client: Client) -> None:
    job = client.accepted(wav(0.1))
    echo.control("throttle", seconds=60)
    echo.control("limits", concurrency=0, rate=1)
    echo.control("faults", kind="500", count=10)
    echo.control("lifetimes", token_seconds=1)
    echo.control("turnaround", seconds=60)
    echo.control("reset")
    stats = echo.stats()
    assert stats["jobs"] == {"accepted": 0, "transcribing": 0, "completed": 0, "failed": 0}
    assert (stats["duplicates"], stats["audio"], stats["log"], stats["by_second"]) == (0, {}, [], [])
    assert refusal(client.poll(job)) == (404, "H0004")
    assert echo.authenticate().json()["expire_at"] > time.time() + 3600
    assert client.outcome(client.accepted(wav(0.1)))["status"] == "completed"


def test_a_reset_forgets_the_tokens_when_asked(echo: Program, client: Client) -> None:
    echo.control("reset", tokens=True)
    assert refusal(client.poll("no-such-job")) == (401, "H0002")


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("throttle", {}, "seconds is required"),
        ("throttle", {"seconds": -1}, "seconds has to be a number of at least 0"),
        ("throttle", {"seconds": "5"}, "seconds has to be a number"),
        ("throttle", {"seconds": 5, "on": "auth"}, "on has to be one of submit, poll, all"),
        ("throttle", {"seconds": 5, "code": 3}, "code has to be a string"),
        ("throttle", {"seconds": 5, "retry_after": [1]}, "retry_after has to be a number, a string"),
        ("throttle", {"seconds": 5, "retry_after": "1\r\nX: y"}, "retry_after has to be a number, a string"),
        ("throttle", {"second": 5, "seconds": 5}, "unknown field second"),
        ("limits", {"concurrency": 1.5}, "concurrency has to be a whole number"),
        (
            "limits",
            {"concurrency_by_model": {"other": 1}},
            "concurrency_by_model has to give sommers or whisper",
        ),
        ("limits", {"concurrency_by_model": {"whisper": True}}, "concurrency_by_model has to give"),
        ("limits", {"rate": True}, "rate has to be a number"),
        ("limits", {"rate": 0}, "to let nothing pass, throttle"),
        ("limits", {"rate": 5, "burst": 0.5}, "burst has to be a number of at least 1"),
        ("limits", {"burst": 5}, "burst needs a rate"),
        ("limits", {"window": 5}, "window needs rate"),
        ("limits", {"rate": 1.5, "window": 5}, "window needs rate to be a whole number"),
        ("limits", {"rate": 5, "sliding": True}, "sliding needs a window"),
        ("limits", {"sliding": "yes"}, "sliding has to be true or false"),
        ("faults", {}, "kind has to be one of hang, 401, 500, 503, garbage, drop, slow"),
        ("faults", {"kind": 500}, "kind has to be one of"),
        ("faults", {"kind": "500", "on": "control"}, "on has to be one of submit, poll, auth, all"),
        ("faults", {"kind": "500", "count": 0}, "count has to be a whole number of at least 1"),
        ("faults", {"kind": "drop", "on": "poll", "after": True}, "after is for submits"),
        ("turnaround", {"factor": -1}, "factor has to be a number of at least 0"),
        ("turnaround", {"seed": "x"}, "seed has to be a whole number"),
        ("lifetimes", {"token_seconds": "long"}, "token_seconds has to be a number"),
        ("reset", {"tokens": 1}, "tokens has to be true or false"),
        ("reset", [], "the body has to be a JSON object"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(echo: Program, name: str, body: object, says: str) -> None:
    answer = echo.http.post(f"{echo.url}/control/{name}", json=body, timeout=TIMEOUT)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert says in answer.json()["error"]


def test_a_body_that_is_no_json_is_told(echo: Program) -> None:
    answer = echo.http.post(f"{echo.url}/control/reset", data=b"{", timeout=TIMEOUT)
    assert (answer.status_code, answer.json()) == (400, {"error": "the body is not JSON"})


def test_a_mistake_changes_nothing(echo: Program, client: Client) -> None:
    body = {"rate": 1, "on": "poll", "concurrency": 0, "unknown": 1}
    assert echo.http.post(f"{echo.url}/control/limits", json=body, timeout=TIMEOUT).status_code == 400
    assert echo.control("limits")["limits"]["concurrency"] is None
    assert client.submit(wav(0.1)).status_code == 200


# --- Who reaches the controls


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Host": "rebound.example.org"},
        {"Host": "192.0.2.1:9009"},
    ],
)
def test_a_page_of_another_site_is_refused_and_changes_nothing(
    echo: Program, client: Client, headers: dict[str, str]
) -> None:
    for method, name in (("POST", "throttle"), ("POST", "reset"), ("GET", "stats"), ("DELETE", "faults")):
        answer = echo.http.request(
            method, f"{echo.url}/control/{name}", json={"seconds": 60}, headers=headers, timeout=TIMEOUT
        )
        assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert client.submit(wav(0.1)).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]:9009"])
def test_this_machine_by_any_of_its_names_is_let_in(echo: Program, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    answer = echo.http.get(f"{echo.url}/control/stats", headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 200


def test_without_the_laboratory_there_are_no_controls_and_the_service_is_the_same() -> None:
    with Program("--engine", "echo", "--no-control") as program:
        answer = program.http.post(f"{program.url}/control/throttle", json={"seconds": 60}, timeout=TIMEOUT)
        assert answer.status_code == 404
        client = program.client()
        assert refusal(client.submit(b"no audio")) == (400, "H0010")
        assert client.utterances(wav(0.1))[0]["msg"].startswith("echo ")
