"""A scripted vendor over real sockets, which can also drop, hang, drip and cut its answers short."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """A request that arrived. `body` is empty if the reply did not read it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    connection: tuple[str, int] = ("", 0)


@dataclass
class Vendor:
    """`replies` are used in order, one for each request; `requests` are those that arrived."""

    url: str
    replies: queue.SimpleQueue[Reply] = field(default_factory=queue.SimpleQueue)
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def will(self, *replies: Reply) -> None:
        for reply in replies:
            self.replies.put(reply)

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vendor: Vendor

    def reply(self) -> None:
        self.request_seen = Request(
            self.command, self.path, dict(self.headers.items()), connection=self.client_address
        )
        self.vendor.requests.append(self.request_seen)
        # In some tests the client closes the connection first.
        with contextlib.suppress(ConnectionError):
            self.vendor.replies.get_nowait()(self)

    do_GET = do_POST = reply  # noqa: N815 (the names that http.server looks for)

    def read_body(self) -> None:
        self.request_seen.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def write(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


Reply = Callable[[Handler], None]


def answer(status: int, data: object = None, headers: Mapping[str, str] | None = None) -> Reply:
    """Read the request and answer: bytes as they are, anything else as JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()

    def reply(handler: Handler) -> None:
        handler.read_body()
        handler.write(status, body, headers)

    return reply


def drop(handler: Handler) -> None:
    """Read the request and close the connection without an answer."""
    handler.read_body()
    handler.close_connection = True


def drop_unread(handler: Handler) -> None:
    """Close the connection before the body is read."""
    handler.close_connection = True


def hang(handler: Handler) -> None:
    """Read the request and send nothing until the test is over."""
    handler.read_body()
    handler.vendor.over.wait()
    handler.close_connection = True


def late(seconds: float, status: int, data: object) -> Reply:
    """Read the request and answer after so many seconds."""

    def reply(handler: Handler) -> None:
        handler.read_body()
        handler.vendor.over.wait(seconds)
        handler.write(status, json.dumps(data).encode())

    return reply


def refuse_unread(status: int, data: object) -> Reply:
    """Answer before the body is read, as a server does that checks the Content-Length first."""

    def reply(handler: Handler) -> None:
        handler.write(status, json.dumps(data).encode(), {"Connection": "close"})
        handler.close_connection = True

    return reply


def cut_short(status: int, sent: bytes, promised: int) -> Reply:
    """Send the beginning of a body and close the connection."""

    def reply(handler: Handler) -> None:
        handler.read_body()
        handler.write(status, sent, {"Content-Length": str(promised)})
        handler.close_connection = True

    return reply


def stop_within_body(status: int, sent: bytes) -> Reply:
    """Send the beginning of a body, and then nothing until the test is over."""

    def reply(handler: Handler) -> None:
        handler.read_body()
        handler.write(status, sent, {"Content-Length": str(len(sent) + 1)})
        handler.vendor.over.wait()
        handler.close_connection = True

    return reply


def drip(handler: Handler) -> None:
    """Send an endless body, byte by byte, each of them well within the read timeout."""
    handler.read_body()
    handler.write(200, b"", {"Content-Length": "1000000"})
    while not handler.vendor.over.wait(0.01):
        handler.wfile.write(b" ")


@contextlib.contextmanager
def running_vendor() -> Iterator[Vendor]:
    """Run the vendor on a free port until the block ends."""

    class Bound(Handler):
        """Holds the vendor, because http.server creates the handlers itself."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Do not print errors: most are intended, and the client notices any other."""

    server = Server(("127.0.0.1", 0), Bound)
    vendor = Bound.vendor = Vendor(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield vendor
    finally:
        vendor.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
