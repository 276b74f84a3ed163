"""The states of a job as its owner sees them."""

from __future__ import annotations

import hashlib

import pytest

from tests.emulator.program import TIMEOUT, Client, Program, refusal
from tests.emulator.sounds import wav


def test_a_job_is_transcribing_until_its_turnaround_is_over(echo: Program, client: Client) -> None:
    echo.control("turnaround", seconds=60)
    long = client.accepted(wav(1))
    assert client.poll(long).json() == {"id": long, "status": "transcribing"}
    echo.control("turnaround", seconds=0.3)
    job = client.accepted(wav(1))
    client.outcome(job)
    log = [entry for entry in echo.stats()["log"] if entry.get("job") == job]
    assert log[-1]["t"] - log[0]["t"] >= 0.3


def test_the_echo_names_the_audio_it_was_given(client: Client) -> None:
    audio = wav(1.5)
    job = client.accepted(audio)
    utterance = {"start_at": 0, "duration": 1500, "spk": 0, "lang": "en"}
    utterance["msg"] = f"echo {hashlib.sha256(audio).hexdigest()[:12]}"
    assert client.outcome(job) == {"id": job, "status": "completed", "results": {"utterances": [utterance]}}


def test_words_come_when_they_are_asked_for(client: Client) -> None:
    (utterance,) = client.utterances(wav(1), {"use_word_timestamp": True})
    assert [(word["start_at"], word["duration"]) for word in utterance["words"]] == [(0, 500), (500, 500)]
    assert " ".join(word["text"] for word in utterance["words"]) == utterance["msg"]


def test_the_echo_speaks_the_language_it_was_asked_for(client: Client) -> None:
    assert client.utterances(wav(0.1), {})[0]["lang"] == "ko"
    assert client.utterances(wav(0.1), {"model_name": "whisper", "language": "ja"})[0]["lang"] == "ja"


def test_an_unknown_job_is_h0004(client: Client) -> None:
    assert refusal(client.poll("no-such-job")) == (404, "H0004")


def test_a_job_of_another_account_is_h0003(echo: Program, client: Client) -> None:
    job = client.accepted(wav(0.1))
    assert refusal(echo.client("someone else").poll(job)) == (403, "H0003")
    assert client.outcome(job)["status"] == "completed"


def test_an_old_result_is_h0007(echo: Program, client: Client) -> None:
    job = client.accepted(wav(0.1))
    client.outcome(job)
    echo.control("lifetimes", result_seconds=0)
    assert refusal(client.poll(job)) == (410, "H0007")
    echo.control("lifetimes", result_seconds=3600)
    assert client.poll(job).json()["status"] == "completed"


def test_a_job_that_runs_does_not_expire(echo: Program, client: Client) -> None:
    echo.control("turnaround", seconds=60)
    echo.control("lifetimes", result_seconds=0)
    job = client.accepted(wav(0.1))
    assert client.poll(job).json()["status"] == "transcribing"


@pytest.mark.parametrize("path", ["", "healthz"])
def test_it_says_that_it_is_up(echo: Program, path: str) -> None:
    answer = echo.http.get(f"{echo.url}/{path}", timeout=TIMEOUT)
    assert (answer.status_code, answer.json()) == (200, {"emulator": "rtzr", "engine": "echo"})
