"""Uploads through a real daphne: memory stays flat, and too large a body is refused before its end."""

import hashlib
import inspect
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from daphne import http_protocol

from tests.full_disk import NO_ROOM, NO_ROOM_IN_KOREAN
from tests.servers import BASE_DIR, free_port, stop
from tests.waiting import patient, wait_until

MEGABYTE = 1024**2
LIMIT = 400 * MEGABYTE
BLOCK = bytes(range(256)) * 4096  # 1 MB
BOUNDARY = "a-boundary"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n'
    "Content-Type: audio/wav\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


class Web:
    """A daphne that serves tests/mico/bodies_app.py."""

    def __init__(self, port: int, data: Path) -> None:
        self.port = port
        self.data = data
        self.url = f"http://127.0.0.1:{port}/receive"

    def open(self) -> socket.socket:
        """Return a connection, for requests that no client library sends."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=patient(10))

    def answers(self) -> bool:
        """Return whether it accepts requests."""
        try:
            return (
                requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=patient(5)).status_code == 200
            )
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running(tmp_path_factory.mktemp("web"), "bodies_app") as web:
        yield web


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Web]:
    """A daphne whose disk is full: a body over 1 MB does not fit while it arrives, a smaller one in the end."""
    with running(tmp_path, "full_bodies_app") as web:
        yield web


@contextmanager
def running(data: Path, application: str) -> Iterator[Web]:
    web = Web(free_port(), data)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mico.settings",
        "MICO_DATA": str(data),
        "DATABASE_URL": "",
        "MAX_UPLOAD_BYTES": str(LIMIT),
    }
    command = [sys.executable, "-m", "daphne", "-p", str(web.port), f"tests.mico.{application}:application"]
    process = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until(web.answers)
        yield web
    finally:
        stop(process)


def multipart(megabytes: int) -> Iterator[bytes]:
    """Yield the blocks of a form with one file. It is sent in chunks, without a Content-Length."""
    yield HEAD
    for _ in range(megabytes):
        yield BLOCK
    yield TAIL


def post(web: Web, megabytes: int) -> dict[str, object]:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = requests.post(web.url, data=multipart(megabytes), headers=headers, timeout=patient(60))
    assert answer.status_code == 200, answer.text
    data: dict[str, object] = answer.json()
    return data


def test_a_large_upload_arrives_whole_and_costs_no_memory(web: Web) -> None:
    before = post(web, 1)["peak_bytes"]
    got = post(web, LIMIT // MEGABYTE)  # the largest file, in a form that is larger than that
    digest = hashlib.sha256()
    for _ in range(LIMIT // MEGABYTE):
        digest.update(BLOCK)
    assert got["size"] == LIMIT
    assert got["sha256"] == digest.hexdigest()
    assert isinstance(got["peak_bytes"], int)
    assert isinstance(before, int)
    assert got["peak_bytes"] - before < 30 * MEGABYTE, (before, got)


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 3 * MEGABYTE // 2])
def test_a_body_of_any_size_arrives_whole(web: Web, size: int) -> None:
    body = (BLOCK * 2)[:size]
    got = requests.post(web.url, data=body, timeout=patient(10)).json()
    assert (got["size"], got["sha256"]) == (size, hashlib.sha256(body).hexdigest())


def read_answer(connection: socket.socket) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the status and the JSON of the answer on this connection."""
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}}"):
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_declared_length_over_the_limit_is_refused_before_the_body(web: Web) -> None:
    with web.open() as connection:
        connection.sendall(
            f"POST /receive HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Length: {LIMIT + 2 * MEGABYTE}\r\n\r\n".encode()
        )
        status, answer = read_answer(connection)  # before a byte of the body is sent
    assert status == 413
    assert answer["error"]["code"] == "too_large"
    assert "400 MB" in answer["error"]["message"]


@pytest.mark.parametrize(("over", "answered"), [(0, b"100"), (1, b"413")])
def test_a_form_may_weigh_a_megabyte_beside_the_largest_file(web: Web, over: int, answered: bytes) -> None:
    with web.open() as connection:
        connection.sendall(
            f"POST /receive HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Length: {LIMIT + MEGABYTE + over}\r\n\r\n".encode()
        )
        assert connection.recv(12, socket.MSG_WAITALL).split() == [b"HTTP/1.1", answered]


def test_a_body_that_grows_over_the_limit_is_refused_and_still_read_for_a_while(web: Web) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK)
    with web.open() as connection:
        connection.sendall(b"POST /receive HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(LIMIT // MEGABYTE + 1):
            connection.sendall(chunk)
        connection.sendall(b"1\r\nx\r\n")  # one byte over the limit of file and form
        status, answer = read_answer(connection)  # before the end of the body
        assert (status, answer["error"]["code"]) == (413, "too_large")
        for _ in range(20):  # a browser goes on sending; the connection is not reset
            connection.sendall(chunk)
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(1) == b""  # closed


def test_a_client_library_sees_the_refusal(web: Web) -> None:
    answer = requests.post(web.url, data=multipart(LIMIT // MEGABYTE + 20), timeout=patient(30))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_an_upgrade_with_a_body_is_refused(web: Web) -> None:
    with web.open() as connection:
        connection.sendall(
            b"GET /ws/meetings/1/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nContent-Length: 1000000\r\n\r\n"
        )
        assert read_answer(connection)[0] == 413


def test_an_upload_that_is_broken_off_leaves_nothing(web: Web) -> None:
    with web.open() as connection:
        connection.sendall(b"POST /receive HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n")
        connection.sendall(BLOCK)
    wait_until(lambda: not list((web.data / "uploads").iterdir()))
    assert web.answers()


def test_a_full_disk_is_507_for_a_program_and_a_page_for_a_form(full: Web) -> None:
    form = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for size in 3 * MEGABYTE, MEGABYTE // 2:
        body = (BLOCK * 3)[:size]
        answer = requests.post(full.url, data=body, timeout=patient(10))
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "no_room"), size
        assert NO_ROOM in answer.json()["error"]["message"]
        answer = requests.post(full.url, data=body, headers=form, timeout=patient(10))
        assert (answer.status_code, answer.headers["Content-Type"]) == (507, "text/html; charset=utf-8"), size
        assert NO_ROOM in answer.text
        assert NO_ROOM_IN_KOREAN in answer.text
    assert requests.post(full.url, data=b"small", timeout=patient(10)).json()["size"] == 5


def test_too_large_a_form_is_answered_with_a_page(web: Web) -> None:
    with web.open() as connection:
        connection.sendall(
            f"POST /receive HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"
            f"Content-Length: {LIMIT + 2 * MEGABYTE}\r\n\r\n".encode()
        )
        answer = b""
        while b"</html>" not in answer:
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"The file is too large." in answer
    assert "파일이 너무 큽니다.".encode() in answer


def test_daphne_is_as_it_was_when_its_request_was_replaced() -> None:
    """`bodies` relies on two things in daphne: it looks `WebRequest` up for each connection, and copies `content`."""
    assert "requestFactory = WebRequest" in inspect.getsource(http_protocol.HTTPFactory.buildProtocol)
    assert "self.content.read(buffer_size)" in inspect.getsource(http_protocol)
