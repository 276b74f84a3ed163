"""Request bodies as large as a recording: never in memory, and refused early if they are too large.

daphne reads a whole body into a temporary file, whatever its size, and then copies the file into a queue in memory.
Twisted below it has parsed multipart forms in memory by then. A recording of 500 MB takes more than a gigabyte that
way. This module passes the file itself to Django, which reads it in blocks, and answers a body over the limit with
413 at once. The rest of a refused body is read and discarded for a while: closing the connection in the middle of
an upload resets it, and the browser would show that instead of the answer.

Call `install` before daphne accepts its first connection. Other ASGI servers are not affected.
"""
# Twisted has few types.
# mypy: disable-error-code="no-untyped-call"

import io
import json
import logging
from contextlib import suppress
from contextvars import ContextVar
from typing import IO, Any

from daphne import http_protocol
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mico import errors
from transcription import room

ENVELOPE_BYTES = 1024**2  # allowance for the parts of a form other than the file
LINGER_SECONDS = 30.0  # how long the rest of a refused body is read
UPGRADE_BYTES = 64 * 1024  # limit for a handshake, which needs no body; daphne would read one into memory

logger = logging.getLogger(__name__)

# Passes a request's body from `process` to the application. daphne starts the application within that call, and
# asyncio copies the context into the application's task.
_body: ContextVar[IO[bytes] | None] = ContextVar("body", default=None)


class WebRequest(http_protocol.WebRequest):
    """daphne's request with a limited body, which is passed to Django as a file.

    The method names are Twisted's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Django parses forms, from the file; Twisted would do so in memory.
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)
        self._received = 0  # bytes
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        """Called after the headers. `length`: the bytes of the body, or None if the client did not say."""
        upgrade = self.requestHeaders.hasHeader(b"Upgrade")
        self._limit = UPGRADE_BYTES if upgrade else settings.MAX_UPLOAD_BYTES + ENVELOPE_BYTES
        if length is not None and length > self._limit:
            self.content = io.BytesIO()
            self._refuse_size()
            return
        try:
            super().gotLength(length)
        except OSError as error:
            self.content = io.BytesIO()
            self._refuse_for(error)

    def handleContentChunk(self, data: bytes) -> None:
        """Called for each piece of the body."""
        if self._refused:
            return
        self._received += len(data)
        if self._received > self._limit:
            self._refuse_size()
            return
        try:
            super().handleContentChunk(data)
        except OSError as error:
            self._refuse_for(error)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Called when the body is complete."""
        if not self._refused and self.content is not None:
            try:
                self.content.flush()  # the end of the body may not be on the disk yet
            except OSError as error:
                self._refuse_for(error)
        if self._refused:
            self.channel.loseConnection()
            return
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        """Start the application. daphne's own copying finds an empty file in place of the body."""
        if self.requestHeaders.hasHeader(b"Upgrade"):
            return super().process()
        if self.requestHeaders.hasHeader(b"Transfer-Encoding"):
            # Django treats a form without a Content-Length as empty. The length is known by now.
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
        message = f"At most {megabytes} MB can be uploaded at once."
        self._refuse(b"413 Content Too Large", "too_large", message, _("The file is too large."))

    def _refuse_for(self, error: OSError) -> None:
        logger.error("A body could not be kept in %s.", settings.FILE_UPLOAD_TEMP_DIR, exc_info=error)
        if room.is_full(error):
            self._refuse(b"507 Insufficient Storage", "no_room", str(room.SENTENCE), room.SENTENCE)
        else:
            sentence = _("Something went wrong here. It has been noted.")
            self._refuse(b"500 Internal Server Error", "internal", str(sentence), sentence)

    def _refuse(self, status: bytes, code: str, message: str, shown: Promise) -> None:
        """Answer while the body is still arriving: with a page that shows a sentence where a form was sent.

        The answer is written to the channel, as Twisted does for its own 400: its response objects need a complete
        request.
        """
        self._refused = True
        if self.content is not None:
            with suppress(OSError):  # closing writes what is left, for which there is no room either
                self.content.close()
        self.requestHeaders.removeHeader(b"Expect")  # no "100 Continue" after the answer
        if any(b"text/html" in value for value in self.requestHeaders.getRawHeaders(b"Accept", ())):
            content_type, answer = b"text/html; charset=utf-8", errors.page(shown).encode()
        else:
            content_type = b"application/json"
            answer = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.channel.write(
            b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (status, content_type, len(answer), answer)
        )
        self.channel.callLater(LINGER_SECONDS, self.channel.forceAbortClient)


class Handler(ASGIHandler):
    """Django's handler, which takes the body as the file that it is in already."""

    async def read_body(self, receive: Any) -> IO[bytes]:
        """Return the body, positioned at its start. Raises RequestAborted if the client has disconnected."""
        body: IO[bytes] = await super().read_body(receive)
        file = _body.get()
        if file is None:
            return body
        body.close()
        file.seek(0)
        return file


def install() -> None:
    """Make daphne use `WebRequest`. daphne looks the class up for each connection."""
    http_protocol.WebRequest = WebRequest  # type: ignore[misc]
