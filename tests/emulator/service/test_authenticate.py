"""A token for a pair, and what happens without one."""

from __future__ import annotations

import time

import pytest
import requests

from tests.emulator.program import TIMEOUT, Client, Program, refusal
from tests.emulator.sounds import wav
from tests.waiting import patient, wait_until


def test_a_token_lives_six_hours(echo: Program) -> None:
    answer = echo.authenticate()
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expire_at"}
    assert answer.json()["expire_at"] == pytest.approx(time.time() + 6 * 3600, abs=patient(2))


@pytest.mark.parametrize(
    "form",
    [{}, {"client_id": "someone"}, {"client_secret": "secret"}, {"client_id": "", "client_secret": "secret"}],
)
def test_a_missing_field_is_h0001(echo: Program, form: dict[str, str]) -> None:
    answer = echo.http.post(f"{echo.url}/v1/authenticate", data=form, timeout=TIMEOUT)
    assert refusal(answer) == (400, "H0001")


def test_a_wrong_secret_is_h0002(echo: Program) -> None:
    answer = echo.authenticate("someone", "wrong")
    assert (answer.status_code, answer.json()) == (401, {"code": "H0002", "msg": "invalid credential"})


def test_the_pair_can_be_fixed_on_the_command_line() -> None:
    with Program("--engine", "echo", "--client-id", "me", "--client-secret", "mine") as program:
        assert program.authenticate("me", "mine").status_code == 200
        assert refusal(program.authenticate("me", "other")) == (401, "H0002")
        assert refusal(program.authenticate("other", "mine")) == (401, "H0002")


@pytest.mark.parametrize("authorization", [None, "", "bearer", "bearer unknown", "basic c29tZW9uZQ=="])
def test_without_a_good_token_both_routes_are_h0002(echo: Program, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    url = f"{echo.url}/v1/transcribe"
    answers: list[requests.Response] = [
        echo.http.post(url, files={"file": wav(0.1)}, headers=headers, timeout=TIMEOUT),
        echo.http.get(f"{url}/some-id", headers=headers, timeout=TIMEOUT),
    ]
    assert [refusal(answer) for answer in answers] == [(401, "H0002")] * 2


@pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(client: Client, scheme: str) -> None:
    client.headers["Authorization"] = client.headers["Authorization"].replace("bearer", scheme)
    assert refusal(client.poll("some-id")) == (404, "H0004")


def test_a_token_expires(echo: Program) -> None:
    start = time.time()
    echo.control("lifetimes", token_seconds=0.3)
    short = echo.client()
    wait_until(lambda: refusal(short.poll("some-id")) == (401, "H0002"))
    assert echo.stats()["log"][-1]["t"] - start >= 0.3
    echo.control("lifetimes", token_seconds=None)
    assert refusal(echo.client().poll("some-id")) == (404, "H0004")


def test_tokens_can_be_revoked_and_the_jobs_stay(echo: Program, client: Client) -> None:
    job = client.accepted(wav(0.1))
    echo.control("lifetimes", revoke_tokens=True)
    assert refusal(client.poll(job)) == (401, "H0002")
    assert echo.client().outcome(job)["status"] == "completed"
