"""Bodies of requests: as large as a recording, never in memory, and refused before they are here in full.

daphne reads the whole body into a temporary file, whatever its size, and then copies the file into a queue
in memory; twisted, below it, has parsed multipart forms in memory by then. A recording of 500 MB costs more
than a gigabyte. Here the file itself is handed to Django, which reads it bit by bit, and a body over the limit
is answered at once with 413. What still comes is thrown away for a while: a connection closed in the middle of
an upload is reset, and the browser would show that instead of the answer.

`install` has to be called before daphne accepts its first connection; any other ASGI server is not affected.
"""
# Twisted has few types.
# mypy: disable-error-code="no-untyped-call"

import io
import json
import logging
from contextvars import ContextVar
from typing import IO, Any

from daphne import http_protocol
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

ENVELOPE_BYTES = 1024**2  # what a multipart form may weigh beside its file
LINGER_SECONDS = 30.0  # that a refused body is still read
UPGRADE_BYTES = 64 * 1024  # a websocket's handshake has no body, and daphne would read it into memory

logger = logging.getLogger(__name__)

# The body of the request whose application is being started: daphne does so in this very call, and asyncio
# copies the context into the application's task.
_body: ContextVar[IO[bytes] | None] = ContextVar("body", default=None)


class WebRequest(http_protocol.WebRequest):
    """daphne's request, with a limit for its body, which goes to Django as the file that it is in.

    The names in camel case are twisted's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Not parsed by twisted: Django does it, from the file.
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)
        self._received = 0  # bytes
        self._refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        """The headers are here. `length`: bytes that will follow; None where the client does not say."""
        upgrade = self.requestHeaders.hasHeader(b"Upgrade")
        self._limit = UPGRADE_BYTES if upgrade else settings.MAX_UPLOAD_BYTES + ENVELOPE_BYTES
        if length is not None and length > self._limit:
            self.content = io.BytesIO()
            self._refuse_size()
            return
        try:
            super().gotLength(length)
        except OSError:
            self.content = io.BytesIO()
            self._refuse_for_room()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """A piece of the body."""
        if self._refused:
            return
        self._received += len(data)
        if self._received > self._limit:
            self._refuse_size()
            return
        try:
            super().handleContentChunk(data)
        except OSError:
            self._refuse_for_room()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        """The body is complete."""
        if self._refused:
            self.channel.loseConnection()
            return
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        """Hands the request over. daphne's own copying finds an empty file in the place of the body."""
        if self.requestHeaders.hasHeader(b"Upgrade"):
            return super().process()
        if self.requestHeaders.hasHeader(b"Transfer-Encoding"):
            # Django believes that a form without a length is empty. Now the length is known.
            self.requestHeaders.removeHeader(b"Transfer-Encoding")
            self.requestHeaders.setRawHeaders(b"Content-Length", [b"%d" % self._received])
        token = _body.set(self.content)
        self.content = io.BytesIO()
        try:
            return super().process()
        finally:
            _body.reset(token)

    def _refuse_size(self) -> None:
        logger.warning("Refused a body of more than %d bytes from %s.", self._limit, self.client)
        megabytes = settings.MAX_UPLOAD_BYTES // 1024**2
        self._refuse(
            b"413 Content Too Large", "too_large", f"At most {megabytes} MB can be uploaded at once."
        )

    def _refuse_for_room(self) -> None:
        logger.exception("A body could not be kept in %s.", settings.FILE_UPLOAD_TEMP_DIR)
        self._refuse(b"507 Insufficient Storage", "no_room", "The server has no room for this upload.")

    def _refuse(self, status: bytes, code: str, message: str) -> None:
        """Answers while the body is still coming, as twisted itself does with 400: past its response, which
        belongs to requests that are complete."""
        self._refused = True
        if self.content is not None:
            self.content.close()
        self.requestHeaders.removeHeader(b"Expect")  # no "100 Continue" after the answer
        answer = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.channel.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (status, len(answer), answer)
        )
        self.channel.callLater(LINGER_SECONDS, self.channel.forceAbortClient)


class Handler(ASGIHandler):
    """Django, which takes the body as the file that it is in already."""

    async def read_body(self, receive: Any) -> IO[bytes]:
        """The body, at its beginning. Raises RequestAborted when the client has left."""
        body: IO[bytes] = await super().read_body(receive)
        file = _body.get()
        if file is None:
            return body
        body.close()
        file.seek(0)
        return file


def install() -> None:
    """Makes daphne use the request above. It looks the name up for each connection."""
    http_protocol.WebRequest = WebRequest  # type: ignore[misc]
