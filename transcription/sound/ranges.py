"""Serves sound to the browser's player: `Range` requests, in blocks, from any storage.

Django's FileResponse does not support `Range`, without which a browser cannot seek. Under ASGI it would also read the
whole file into memory, because a plain iterator is collected before it is sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import IO

from django.core.files.base import File
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

BLOCK_BYTES = 256 * 1024

# The number of digits is limited, because `int` refuses a string of thousands.
_ONE_RANGE = re.compile(r"bytes=(\d{0,30})-(\d{0,30})", re.IGNORECASE | re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def parse(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the number of bytes that a Range header asks for, in a file of `size` bytes.

    Return None if the header has to be ignored. A header with several ranges is ignored too, as the standard allows.
    Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, end - start + 1


class _Blocks:
    """The bytes of a part of a file. The response closes it, even when the browser disconnects in the middle."""

    def __init__(self, file: IO[bytes] | File[bytes], start: int, length: int) -> None:
        self._file = file
        self._left = length
        file.seek(start)

    def _read(self) -> bytes:
        block = self._file.read(min(BLOCK_BYTES, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()


class _SyncBlocks(_Blocks):
    def __iter__(self) -> Iterator[bytes]:
        while block := self._read():
            yield block


class _AsyncBlocks(_Blocks):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while block := await asyncio.to_thread(self._read):
            yield block


def audio_response(
    request: HttpRequest, file: IO[bytes] | File[bytes], *, size: int, content_type: str, etag: str
) -> HttpResponseBase:
    """Return the file, or the part of it that the request asks for: status 200, 206 or 416.

    `size` is the file's, in bytes. The response closes `file`.
    """
    status, start, length = 200, 0, size
    wanted = request.headers.get("Range", "") if request.method == "GET" else ""
    if wanted and request.headers.get("If-Range", etag) == etag:
        try:
            part = parse(wanted, size)
        except Unsatisfiable:
            file.close()
            refusal = HttpResponse(status=416)
            refusal["Content-Range"] = f"bytes */{size}"
            return _dressed(refusal, etag)
        if part is not None:
            status, (start, length) = 206, part
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse(content_type=content_type)
    else:
        blocks = _AsyncBlocks if isinstance(request, ASGIRequest) else _SyncBlocks
        response = StreamingHttpResponse(
            blocks(file, start, length),
            status=status,
            content_type=content_type,
        )
    response["Content-Length"] = str(length)
    if status == 206:
        response["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return _dressed(response, etag)


def _dressed(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    # Only the person's own cache may keep it. Nothing in it may run as a page, even if its type is wrong.
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Security-Policy"] = "default-src 'none'; media-src 'self'; sandbox"
    return response
