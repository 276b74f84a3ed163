"""The program as a process: how it starts, ends, and what it does not forget."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.emulator.program import ROOT, TIMEOUT, Program, command, is_alive, needs_proc, refusal
from tests.emulator.sounds import AUDIO, samples, wav, wav_of
from tests.waiting import patient, wait_until


def minutes_of_speech() -> bytes:
    """Work for a recogniser that no test waits for."""
    return wav_of((samples("speech_rms_1.wav") + bytes(16_000)) * 60)


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """A program that is expected to end by itself."""
    return subprocess.run(
        command(*flags), cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def test_it_needs_nothing_of_the_rest_of_the_project() -> None:
    code = (
        "import sys, emulator.__main__, emulator.engines.pocketsphinx_worker;"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('mico', 'transcription', 'realtime', 'tests', 'django', 'redis', 'rq', 'requests')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    assert done.stdout == "[]\n"


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port), "--engine", "echo")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("emulator: ")
    assert str(port) in line
    assert "address already in use" in line


def test_a_folder_that_is_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with Program("--engine", "echo", "--data", str(tmp_path)):
        done = run("--port", "0", "--engine", "echo", "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"emulator: {tmp_path} is in use by another emulator (database is locked)"
    ]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--engine", "other"], "invalid choice"),
        (["--client-id", "me"], "--client-id and --client-secret go together"),
    ],
)
def test_a_wrong_flag_is_explained(flags: list[str], says: str) -> None:
    done = run(*flags)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_a_request_that_hangs(number: signal.Signals) -> None:
    with Program("--engine", "echo") as program:
        program.control("faults", kind="hang", on="poll")
        with program.hanging_poll():
            wait_until(lambda: program.stats()["in_flight"]["poll"] == 1)
            start = time.monotonic()
            program.process.send_signal(number)
            assert program.wait() == (0, "")
            assert time.monotonic() - start < patient(2)


@needs_proc
def test_its_workers_end_with_it_in_the_middle_of_a_job() -> None:
    with Program("--engine", "pocketsphinx") as program:
        program.client().accepted(minutes_of_speech())
        (worker,) = wait_until(program.workers)
        start = time.monotonic()
        assert program.stop() == (0, "")
        assert time.monotonic() - start < patient(2)
        assert not is_alive(worker)


@needs_proc
def test_ctrl_c_in_its_terminal_ends_it_without_a_word_from_its_workers() -> None:
    with Program("--engine", "pocketsphinx") as program:
        program.client().accepted(minutes_of_speech())
        (worker,) = wait_until(program.workers)
        os.killpg(program.process.pid, signal.SIGINT)
        assert program.wait() == (0, "")
        assert not is_alive(worker)


@needs_proc
def test_its_workers_end_by_themselves_when_it_is_killed() -> None:
    program = Program("--engine", "pocketsphinx")
    program.client().accepted(minutes_of_speech())
    (worker,) = wait_until(program.workers)
    program.http.close()
    program.process.kill()
    assert program.wait()[0] == -signal.SIGKILL
    wait_until(lambda: not is_alive(worker))


@needs_proc
def test_a_job_whose_worker_dies_has_failed_and_the_next_one_is_fine(speech: Program) -> None:
    client = speech.client()
    job = client.accepted(minutes_of_speech())

    def over() -> bool:
        """Kill the workers until one has died of this job: what dies before it has read the job does not count."""
        for worker in speech.workers():
            os.kill(worker, signal.SIGKILL)
        return bool(client.poll(job).json()["status"] != "transcribing")

    wait_until(over)
    assert client.outcome(job)["error"] == {"code": "E500", "message": "the recogniser died"}
    assert client.utterances(AUDIO / "speech_slt_2.wav")


@needs_proc
def test_a_worker_that_died_while_it_was_idle_fails_no_job(speech: Program) -> None:
    client = speech.client()
    for _ in range(3):
        assert client.utterances(AUDIO / "speech_slt_2.wav")
        for worker in speech.workers():
            os.kill(worker, signal.SIGKILL)


def test_a_temporary_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Program("--engine", "echo") as program:
        program.client().accepted(wav(0.1))
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_jobs_results_and_tokens_survive_a_restart(tmp_path: Path) -> None:
    flags = ("--engine", "echo", "--data", str(tmp_path))
    with Program(*flags) as program:
        client = program.client()
        token, job = client.headers, client.accepted(wav(0.1))
        before = client.outcome(job)
    with Program(*flags) as program:
        client = program.client()
        client.headers = token
        assert client.poll(job).json() == before
        assert program.stats()["jobs"] == {"accepted": 1, "transcribing": 0, "completed": 1, "failed": 0}
        assert refusal(program.client("someone else").poll(job)) == (403, "H0003")


def test_a_job_that_was_not_finished_is_run_again_after_a_kill(tmp_path: Path) -> None:
    flags = ("--engine", "pocketsphinx", "--data", str(tmp_path))
    program = Program(*flags)
    job = program.client().accepted(AUDIO / "speech_slt_1.wav")  # a second of work, so it is not over yet
    program.http.close()
    program.process.kill()
    program.wait()
    assert [path.name for path in (tmp_path / "audio").iterdir()] == [job]
    with Program(*flags) as program:
        (utterance,) = program.client().outcome(job)["results"]["utterances"]
    assert utterance["msg"] == json.loads((AUDIO / "texts.json").read_text())["speech_slt_1.wav"]


def test_finished_audio_is_deleted(tmp_path: Path) -> None:
    with Program("--engine", "echo", "--data", str(tmp_path)) as program:
        client = program.client()
        client.outcome(client.accepted(wav(0.1)))
        assert list((tmp_path / "audio").iterdir()) == []
