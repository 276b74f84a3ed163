"""The chunks of a WAV file: whether its sizes are true, and what a plain one says.

A WAV file is `RIFF`, a size, `WAVE`, and chunks: a name of 4 bytes, a size of 4 bytes, and so many bytes, padded to
an even number (Microsoft and IBM, Multimedia Programming Interface, 1991). A program that writes while it records
puts in the sizes at the end, and leaves old or empty ones if it dies.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

# Sizes that mean "not known yet": empty, the largest of 31 and of 32 bits, and those less the header's bytes.
_UNKNOWN_ABOVE = 0x7FFF_0000
_PCM = 1


class Plain(NamedTuple):
    """A WAV file of one channel in integer PCM whose sizes are true."""

    sample_rate: int  # Hz
    codec: str  # as FFmpeg names it
    duration_ms: int


class _Chunk(NamedTuple):
    name: bytes
    at: int  # of its content
    size: int


def _chunks(file: BinaryIO) -> tuple[list[_Chunk], int]:
    """Return the chunks, up to the first whose name is none, and the size of the file."""
    end = file.seek(0, io.SEEK_END)
    at, found = 12, list[_Chunk]()
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        if not all(32 <= letter < 127 for letter in name):
            break
        found.append(_Chunk(name, at + 8, size))
        at += 8 + size + size % 2
    return found, end


def _ends_with(chunk: _Chunk, end: int) -> bool:
    """Whether the file ends where the chunk does. The byte that pads it may be missing."""
    return chunk.at + chunk.size <= end <= chunk.at + chunk.size + chunk.size % 2


def is_stale(file: BinaryIO) -> bool:
    """Whether a WAV file has sound behind the end of its `data` chunk.

    It does if what follows there are no chunks that end with the file.
    """
    chunks, end = _chunks(file)
    data = next((chunk for chunk in chunks if chunk.name == b"data"), None)
    if data is None or data.size >= _UNKNOWN_ABOVE or data.at + data.size >= end - 1:
        return False  # FFmpeg reads these to the end of the file anyway
    last = chunks[-1]
    return not (last.at + last.size >= end - 1)


def missing_ms(file: BinaryIO) -> int:
    """Return how much sound the header of a WAV file has that the file has not, in ms."""
    chunks, end = _chunks(file)
    data = next((chunk for chunk in chunks if chunk.name == b"data"), None)
    head = next((chunk for chunk in chunks if chunk.name == b"fmt "), None)
    if data is None or head is None or data.size >= _UNKNOWN_ABOVE or data.at + data.size <= end:
        return 0
    file.seek(head.at + 8)
    (bytes_per_second,) = struct.unpack("<I", file.read(4))
    return (data.at + data.size - end) * 1000 // bytes_per_second if bytes_per_second else 0


def plain(file: BinaryIO) -> Plain | None:
    """Return what the header says, if that is sure to be true: the page's own recordings are such files.

    None for any other file. `file` is seekable; its position is not kept.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    chunks, end = _chunks(file)
    if [chunk.name for chunk in chunks] != [b"fmt ", b"data"] or chunks[0].size < 16:
        return None
    data = chunks[1]
    if not data.size or not _ends_with(data, end):
        return None
    file.seek(chunks[0].at)
    form, channels, rate, per_second, per_frame, bits = struct.unpack("<HHIIHH", file.read(16))
    if form != _PCM or channels != 1 or bits not in (16, 24, 32) or not 8000 <= rate <= 192_000:
        return None
    if per_frame != bits // 8 or per_second != rate * per_frame:
        return None
    return Plain(rate, f"pcm_s{bits}le", data.size // per_frame * 1000 // rate)
