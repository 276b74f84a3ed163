"""Starts the real program and talks to it over real HTTP, as a client of the vendor does."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import requests

from tests.waiting import patient, wait_until

ROOT = Path(__file__).parents[2]
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
TIMEOUT = patient(10)  # s; a request of these tests is answered within milliseconds


def command(*flags: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "emulator", *flags]


class Program:
    """An emulator on a free port. As a context it ends with the block, and has to end cleanly."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            command("--port", "0", *flags),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # as a shell does it, so that a test can be the terminal
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        address = re.search(r"http://[\d.]+:\d+", first)
        assert address, f"it said {first!r} and {self.process.communicate()[1]!r}"
        self.url = address[0]
        self.http = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        code, errors = self.stop()
        if kind is None:
            assert (code, errors) == (0, ""), errors

    def stop(self) -> tuple[int, str]:
        """SIGTERM; its exit code and what it wrote to stderr."""
        self.http.close()
        self.process.terminate()
        return self.wait()

    def wait(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors

    # the vendor's protocol

    def authenticate(self, client_id: str = "someone", client_secret: str = "secret") -> requests.Response:
        form = {"client_id": client_id, "client_secret": client_secret}
        return self.http.post(f"{self.url}/v1/authenticate", data=form, timeout=TIMEOUT)

    def client(self, client_id: str = "someone") -> Client:
        return Client(self, self.authenticate(client_id).json()["access_token"])

    def hanging_poll(self) -> socket.socket:
        """A poll whose answer nobody reads; closed, the client has left."""
        connection = socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])))
        connection.sendall(b"GET /v1/transcribe/x HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection

    # the controls

    def control(self, name: str, **body: object) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}/control/{name}", json=body, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{self.url}/control/stats", timeout=TIMEOUT).json()
        return found

    def workers(self) -> list[int]:
        """The ids of its child processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


class Client:
    """One account's token."""

    def __init__(self, program: Program, token: str) -> None:
        self.program = program
        self.http = program.http
        self.headers = {"Authorization": f"bearer {token}"}

    def submit(self, file: bytes | Path | None, config: object = None, **kwargs: Any) -> requests.Response:
        """`config` is sent as JSON, or as it is when it is a string; None is English."""
        text = (
            config
            if isinstance(config, str)
            else json.dumps({"model_name": "whisper", "language": "en"} if config is None else config)
        )
        content = file.read_bytes() if isinstance(file, Path) else file
        files: dict[str, tuple[str | None, str | bytes]] = {"config": (None, text)}
        if content is not None:
            files["file"] = ("some.bin", content)
        return self.http.post(
            f"{self.program.url}/v1/transcribe",
            files=files,
            headers=self.headers,
            **{"timeout": TIMEOUT, **kwargs},
        )

    def poll(self, job: str, **kwargs: Any) -> requests.Response:
        url = f"{self.program.url}/v1/transcribe/{job}"
        return self.http.get(url, headers=self.headers, **{"timeout": TIMEOUT, **kwargs})

    def accepted(self, file: bytes | Path, config: object = None) -> str:
        answer = self.submit(file, config)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def outcome(self, job: str) -> dict[str, Any]:
        """What a poll says when the job is over."""

        def over() -> dict[str, Any] | None:
            answer: dict[str, Any] = self.poll(job).json()
            return None if answer["status"] == "transcribing" else answer

        found = wait_until(over)
        assert found is not None
        return found

    def utterances(self, file: bytes | Path, config: object = None) -> list[dict[str, Any]]:
        outcome = self.outcome(self.accepted(file, config))
        assert outcome["status"] == "completed", outcome
        found: list[dict[str, Any]] = outcome["results"]["utterances"]
        return found


def refusal(answer: requests.Response) -> tuple[int, str]:
    """The status and the vendor's code; the body has the vendor's shape."""
    body = answer.json()
    assert set(body) == {"code", "msg"}
    assert body["msg"]
    return answer.status_code, body["code"]


def is_alive(pid: int) -> bool:
    """A process that nobody has buried yet is not alive either."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
