"""`make run`: it comes up, says what is in the way, and goes without a trace."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django import Settings

from mico.run import start, surroundings
from mico.run.child import hold
from mico.run.redis_server import NOT_FOUND
from mico.run.start import CHILD
from mico.run.surroundings import NotHereError, check_socket_path
from tests.processes import READY_SECONDS, STOP_SECONDS, Mico, a_mico
from tests.servers import BASE_DIR
from tests.stt import AUDIO, SPOKEN
from tests.waiting import patient, wait_until

SECOND_START_SECONDS = patient(15)  # 6 on a quiet machine (README.md)
# With a capital and a full stop, as Whisper writes it.
SENTENCE = f"{SPOKEN['speech_slt_1.wav'].capitalize()}."
EVERYTHING = ["dispatch", "emulator", "redis", "web", "worker-1", "worker-2"]


@pytest.fixture
def fresh() -> Iterator[Mico]:
    """One that was never started."""
    with a_mico() as mico:
        yield mico


def refusal(mico: Mico) -> str:
    """The one line with which it refuses to start."""
    process = mico.launch()
    assert process.wait(READY_SECONDS) == 1, mico.terminal
    lines = mico.terminal.strip().splitlines()
    assert len(lines) == 1, mico.terminal
    assert mico.running() == []
    return lines[0]


@pytest.mark.slow
def test_it_comes_up_twice_and_goes_without_a_trace(fresh: Mico) -> None:
    fresh.data /= "my data"  # a blank in the path is nothing special
    fresh.environment["MICO_DATA"] = str(fresh.data)
    fresh.start()
    assert fresh.running() == EVERYTHING
    assert fresh.link.startswith(f"http://localhost:{fresh.port}/")
    assert requests.get(fresh.link, timeout=patient(10)).status_code == 200
    static = re.findall(r'(?:href|src)="(/static/[^"]+)"', requests.get(fresh.link, timeout=patient(10)).text)
    assert static
    for path in static:
        assert requests.get(fresh.base_url + path, timeout=patient(10)).status_code == 200
    assert fresh.terminal.splitlines()[:2] == [
        "Bringing the database up to date …",
        "Preparing the files of the pages …",
    ]
    # Plain commands: Redis and Valkey cannot read each other's snapshots, and the next start may find the other one.
    assert list((fresh.data / "redis").rglob("*.aof"))
    assert list((fresh.data / "redis").rglob("*.rdb")) == []
    fresh.stop()

    started = time.monotonic()
    fresh.start()
    assert time.monotonic() - started < SECOND_START_SECONDS
    assert "…" not in fresh.terminal  # nothing is done twice
    assert fresh.stop(signal.SIGHUP) == 0  # the terminal is closed


@pytest.mark.slow
@pytest.mark.recognition
def test_without_any_account_speech_becomes_sentences(fresh: Mico) -> None:
    del fresh.environment["EMULATOR_ENGINE"]
    fresh.start()
    token = fresh.token()
    meeting = fresh.api("POST", "/meetings", token, json={"title": "First", "language": "en"}).json()["id"]
    files = {"audio": ("a.wav", (AUDIO / "speech_slt_1.wav").read_bytes())}
    recording = fresh.api("POST", f"/meetings/{meeting}/recordings", token, files=files).json()["id"]

    def outcome() -> dict[str, Any] | None:
        found: dict[str, Any] = fresh.api("GET", f"/recordings/{recording}", token).json()
        return found if found["status"] in ("done", "failed") else None

    done = wait_until(outcome, 30)
    assert done is not None
    assert [line["text"] for line in done["utterances"]] == [SENTENCE]
    fresh.stop()


@pytest.mark.slow
def test_a_model_that_does_not_exist_is_said_before_anything_starts(fresh: Mico) -> None:
    fresh.environment |= {"EMULATOR_ENGINE": "whisper", "WHISPER_MODEL": "gigantic"}
    assert refusal(fresh).startswith("mico: The model gigantic cannot be fetched. There is no such model;")


@pytest.mark.slow
def test_ctrl_c_reaches_everybody_at_once(fresh: Mico) -> None:
    fresh.start()
    assert fresh.process is not None
    for name in fresh.running():
        fresh.kill(name, signal.SIGINT)
    os.killpg(fresh.process.pid, signal.SIGINT)
    os.killpg(fresh.process.pid, signal.SIGINT)  # impatience
    assert fresh.process.wait(STOP_SECONDS) == 0
    assert fresh.running() == []


@pytest.mark.slow
def test_ctrl_c_before_it_is_ready(fresh: Mico) -> None:
    process = fresh.launch()
    wait_until(lambda: "redis" in fresh.running())
    os.killpg(process.pid, signal.SIGINT)
    process.wait(STOP_SECONDS)
    assert fresh.running() == []
    assert "Traceback" not in fresh.terminal


@pytest.mark.slow
def test_after_a_kill_it_starts_again(fresh: Mico) -> None:
    fresh.start()
    assert fresh.process is not None
    fresh.process.kill()
    fresh.process.wait()
    assert fresh.running() == EVERYTHING  # orphans, on the ports and on the socket
    fresh.start()
    assert "Ended 6 processes that a killed Mico had left behind." in fresh.terminal
    assert fresh.ready()
    fresh.stop()


@pytest.mark.slow
def test_what_dies_comes_back_and_two_live_side_by_side(mico: Mico, fresh: Mico) -> None:
    fresh.start()
    assert fresh.ready()
    before = {name: mico.pid(name) for name in EVERYTHING}
    for name in EVERYTHING:
        mico.restart(name)
    wait_until(mico.ready)
    assert all(mico.pid(name) != before[name] for name in EVERYTHING)
    assert fresh.ready()
    fresh.stop()
    assert mico.ready()


@pytest.mark.slow
def test_one_mico_for_one_directory(mico: Mico) -> None:
    with a_mico() as second:
        second.environment["MICO_DATA"] = str(mico.data)
        line = refusal(second)
    assert "is running on" in line
    assert "MICO_DATA" in line
    assert mico.ready()


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["PORT", "EMULATOR_PORT"])
def test_a_taken_port_is_named(fresh: Mico, variable: str) -> None:
    port = int(fresh.environment[variable])
    with socket.create_server(("127.0.0.1", port)):
        line = refusal(fresh)
    assert f"{port} is taken" in line
    assert re.search(rf"\b{variable}=\d+", line)


@pytest.mark.slow
def test_data_that_cannot_be_written_are_named(fresh: Mico) -> None:
    (fresh.data / "a-file").touch()
    fresh.environment["MICO_DATA"] = str(fresh.data / "a-file" / "data")  # root may write anywhere but here
    assert "MICO_DATA" in refusal(fresh)


@pytest.mark.slow
def test_a_sign_that_the_supervisor_takes_for_its_own_is_named(fresh: Mico) -> None:
    fresh.environment["MICO_DATA"] = str(fresh.data / "100%")
    assert "100%" in refusal(fresh)


@pytest.mark.slow
@pytest.mark.parametrize(("variable", "value"), [("PORT", "many"), ("PORT", "0"), ("STT_WORKERS", "-1")])
def test_a_value_that_makes_no_sense_is_named(fresh: Mico, variable: str, value: str) -> None:
    fresh.environment[variable] = value
    assert variable in refusal(fresh)


def test_a_path_too_long_for_a_socket_is_named() -> None:
    check_socket_path(Path("/" + "x" * 99))
    with pytest.raises(NotHereError, match="MICO_DATA is too long"):
        check_socket_path(Path("/" + "é" * 50))


def test_no_redis_server_at_all_is_named(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(start, "find_redis_server", lambda: None)
    monkeypatch.setattr(surroundings, "check_port", lambda *_: None)
    settings.EMBEDDED_REDIS = True
    with pytest.raises(NotHereError) as error:
        start._look_around()
    assert str(error.value) == NOT_FOUND
    assert "REDIS_URL" in NOT_FOUND


# --- make itself, in a copy of the few files that it needs


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A directory in which nothing was ever installed."""
    for name in ("Makefile", "requirements.txt", "requirements-whisper.txt", "requirements-dev.txt"):
        shutil.copy(BASE_DIR / name, tmp_path)
    (tmp_path / "mico" / "run").mkdir(parents=True)
    shutil.copy(CHILD, tmp_path / "mico" / "run")
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    left_out = {"RTZR_CLIENT_ID", "MICO_ENV_FILE", "MAKELEVEL", "MAKEFLAGS", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def with_environment(folder: Path) -> Path:
    """Give `folder` a `.venv` whose Python is this one. Return its lock."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return folder / ".venv" / ".installing"


def test_make_says_that_python_is_too_old(bare: Path) -> None:
    result = make(bare, "run", f"PYTHON={script(bare / 'old-python', 'exit 1')}")
    assert result.returncode != 0
    assert result.stderr.splitlines()[0].startswith("Mico needs Python 3.11 or newer")


def test_make_says_that_venv_is_missing(bare: Path) -> None:
    python = script(bare / "half-python", 'case "$2" in *ensurepip*) exit 1;; esac')
    result = make(bare, "run", f"PYTHON={python}")
    assert result.returncode != 0
    assert "python3-venv" in result.stderr.splitlines()[0]


def test_make_does_not_install_beside_another_make(bare: Path) -> None:
    lock = hold(with_environment(bare))
    result = make(bare, "run")
    os.close(lock)
    assert result.returncode != 0
    assert "Another make is installing into .venv" in result.stderr
    assert result.stdout == ""


@pytest.mark.slow
def test_make_does_an_installation_again_that_was_cut_off(bare: Path) -> None:
    # pip takes this package for installed as soon as the first of its files is there.
    with zipfile.ZipFile(bare / "halves-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("halves-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: halves\nVersion: 1\n")
        wheel.writestr(
            "halves-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("halves-1.dist-info/RECORD", "")
        wheel.writestr("halves.py", "WHOLE = True\n")
    (bare / "requirements.txt").write_text("./halves-1-py3-none-any.whl\n")

    first = make(bare, ".venv/.run", PIP_NO_INDEX="1")
    assert first.returncode == 0, first.stderr
    steps = first.stdout.splitlines()
    assert [line.split()[0] for line in steps] == ["Making", "Installing"], (
        "a line for each step, without a terminal"
    )
    assert "MB to download" in steps[1]
    assert make(bare, ".venv/.run").stdout == "make: '.venv/.run' is up to date.\n"

    (installed,) = (bare / ".venv").glob("lib/python*/site-packages/halves.py")
    installed.write_text("WH")
    (bare / ".venv" / ".installing").touch()
    again = make(bare, ".venv/.run", PIP_NO_INDEX="1")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == ["The last installation was cut off. It is done again.", *steps]
    assert installed.read_text() == "WHOLE = True\n"
    assert not (bare / ".venv" / ".installing").exists()


@pytest.mark.parametrize(
    ("variables", "file", "weights"),
    [
        ({}, "", True),
        ({}, "RTZR_CLIENT_ID=id", False),
        ({}, "# RTZR_CLIENT_ID=id\nRTZR_CLIENT_ID=", True),
        ({"RTZR_CLIENT_ID": "id"}, "", False),
        ({"RTZR_CLIENT_ID": ""}, "RTZR_CLIENT_ID=id", True),
    ],
)
def test_a_vendors_account_needs_no_weights(
    bare: Path, variables: dict[str, str], file: str, weights: bool
) -> None:
    (bare / ".env").write_text(f"PORT=8001\n{file}\n")
    result = make(bare, "--dry-run", "run", **variables)
    assert result.returncode == 0, result.stderr
    assert ("-r requirements-whisper.txt" in result.stdout) is weights
    assert "-r requirements-whisper.txt" in make(bare, "--dry-run", "test", **variables).stdout


@pytest.mark.slow
def test_make_passes_sigterm_on_and_mico_does_not_outlive_make(fresh: Mico) -> None:
    environment = Path(sys.prefix)
    up_to_date = subprocess.run(
        ["make", "-q", f"VENV={environment}", f"{environment}/.run"], cwd=BASE_DIR, check=False
    )
    if up_to_date.returncode:
        pytest.skip("This Python's environment was not made by make: it must not be changed from a test.")
    fresh.start("make", "--no-print-directory", "run", f"VENV={environment}")
    fresh.stop(signal.SIGTERM)
    fresh.start("make", "--no-print-directory", "run", f"VENV={environment}")
    assert fresh.process is not None
    fresh.process.kill()  # make cannot pass that on
    wait_until(lambda: fresh.running() == [])
