"""A multipart/form-data body that is streamed: a head, the file, a tail, read block by block.

https://www.rfc-editor.org/rfc/rfc7578. http.client calls `read(blocksize)` until it returns nothing. The length is
known beforehand, so the request has a Content-Length and is not chunked.
"""

from __future__ import annotations

import io
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from typing import BinaryIO

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
_BLOCK = 64 * 1024


class Multipart:
    """A body of the form fields, then `size` bytes of `file` from its current position.

    exhausted: the last byte was read; before that the vendor cannot have the whole request.
    failure: the error of reading our own file, for which the vendor is not to blame (see http.send).
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        *,
        file_field: str,
        file: BinaryIO,
        size: int,
        filename: str,
        content_type: str,
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.exhausted = False
        self.failure: OSError | None = None
        if not _MEDIA_TYPE.fullmatch(content_type):
            content_type = "application/octet-stream"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{file_field}"; '
            f'filename="{safe_filename(filename)}"\r\nContent-Type: {content_type}\r\n\r\n'
        )
        self._head = io.BytesIO("".join(parts).encode())
        self._tail = io.BytesIO(f"\r\n--{boundary}--\r\n".encode())
        self._file = file
        self._file_left = size
        self._size = len(self._head.getvalue()) + size + len(self._tail.getvalue())
        self._sent = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(_BLOCK):
            yield block

    def read(self, n: int = -1) -> bytes:
        n = n if n > 0 else _BLOCK
        block = self._head.read(n) or self._read_file(n) or self._tail.read(n)
        self._sent += len(block)
        self.exhausted = self._sent == self._size
        return block

    def _read_file(self, n: int) -> bytes:
        if not self._file_left:
            return b""
        try:
            block = self._file.read(min(n, self._file_left))
        except OSError as error:
            self.failure = error
            raise
        if not block:  # otherwise the vendor would wait for the rest of the Content-Length
            self.failure = OSError(f"the file ends {self._file_left} bytes early")
            raise self.failure
        self._file_left -= len(block)
        return block


def safe_filename(name: str) -> str:
    """Return `name` made safe for a quoted header value: its last path component, up to 100 printable characters.

    Letters of any language are sent as UTF-8 and a quote as %22, as browsers do and RFC 7578 §4.2 asks; that RFC
    forbids the `filename*=` of RFC 5987.
    """
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").replace('"', "%22").strip()
    stem, dot, extension = name.rpartition(".")
    if len(name) > 100 and dot and len(extension) <= 10:  # the vendor may go by the extension
        name = stem[: 99 - len(extension)] + dot + extension
    return name[:100] or "audio"
