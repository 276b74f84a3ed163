"""The Xing header of an MP3 file, which says how many bytes of sound it has.

The header is in the first frame, behind "Xing" or "Info": flags (4 bytes), the number of frames if bit 0 is set, of
bytes if bit 1 is (https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header, "VBR headers"). Editors and
joiners leave it as it was, so its number of frames is no length.
"""

import io
from typing import BinaryIO

# Bytes in which the first frame begins, behind the tag of the file's name.
_NEAR = 4096
# A file still counts as whole if it is shorter than its header says by at most this part.
_TOLERANCE = 0.01


def missing_part(file: BinaryIO) -> float:
    """Return how much was cut off, as a multiple of the sound that is there. 0 if nothing is known to be missing."""
    end = file.seek(0, io.SEEK_END)
    start = _after_tag(file)
    file.seek(start)
    head = file.read(_NEAR)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or len(head) < at + 16:
        return 0.0
    flags = int.from_bytes(head[at + 4 : at + 8])
    if not flags & 2:
        return 0.0
    place = at + 8 + (4 if flags & 1 else 0)
    promised = int.from_bytes(head[place : place + 4])
    there = end - start
    return promised / there - 1 if there and promised > there * (1 + _TOLERANCE) else 0.0


def _after_tag(file: BinaryIO) -> int:
    """Return where the sound begins: behind an ID3v2 tag (https://id3.org/id3v2.4.0-structure, 3.1)."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size
