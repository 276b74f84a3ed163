"""Streaming of the multipart body of a submit: the file goes straight to disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import BodyPartReader, ClientPayloadError, web

from .protocol import VendorError

_PIECE: Final = 256 * 1024
_CONFIG_BYTES: Final = 1024**2
# Allowance for a multipart body beside its file.
_ENVELOPE_BYTES: Final = 1024**2


@dataclass(frozen=True)
class Upload:
    """A complete file, its content hash, and the text of the `config` part."""

    sha256: str
    config: str


async def receive(request: web.Request, path: Path, max_bytes: int) -> Upload:
    """Store the `file` part at `path`. Raises H0001 for a malformed body, H0005 for a file that is too large."""
    if request.content_length is not None and request.content_length > max_bytes + _ENVELOPE_BYTES:
        raise VendorError("H0005", f"the limit is {max_bytes} bytes")
    if request.content_type != "multipart/form-data":
        raise VendorError("H0001", "the body has to be multipart/form-data")
    sha256 = config = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise VendorError("H0001", "nested multipart")
            if part.name == "file":
                sha256 = await _save(part, path, max_bytes)
            elif part.name == "config":
                config = await _text(part)
    except (ValueError, ClientPayloadError) as error:
        raise VendorError("H0001", "malformed multipart body") from error
    if sha256 is None:
        raise VendorError("H0001", "file is missing")
    if config is None:
        raise VendorError("H0001", "config is missing")
    return Upload(sha256, config)


async def _save(part: BodyPartReader, path: Path, max_bytes: int) -> str:
    """Write a part to disk and return its hash."""
    digest = hashlib.sha256()
    left = max_bytes
    with path.open("wb") as file:  # a write to the page cache is faster than a switch to a thread
        while piece := await part.read_chunk(_PIECE):
            left -= len(piece)
            if left < 0:
                raise VendorError("H0005", f"the limit is {max_bytes} bytes")
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


async def _text(part: BodyPartReader) -> str:
    data = bytearray()
    while piece := await part.read_chunk():
        data += piece
        if len(data) > _CONFIG_BYTES:
            raise VendorError("H0001", "config is too long")
    return data.decode()
