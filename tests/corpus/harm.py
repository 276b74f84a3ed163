"""What happens to files before people upload them."""

import random
import struct
from collections.abc import Iterator
from dataclasses import replace

from tests.corpus.material import UNWRITABLE, Made, Samples, write

PLACES = 10
# Containers that keep the time of each packet. In the others a pause cannot be written.
TIMED = frozenset(
    {"mp4", "ipod", "mov", "3gp", "3g2", "matroska", "webm", "asf", "mpegts", "mpeg", "vob", "flv", "wtv"}
)


def truncated(data: bytes) -> Iterator[bytes]:
    """Yield the file cut off at ten places."""
    for n in range(1, PLACES + 1):
        yield data[: len(data) * n // (PLACES + 1)]


def flipped(data: bytes, seed: int) -> Iterator[bytes]:
    """Yield the file with one byte changed, at ten places: in each tenth of it."""
    dice = random.Random(seed)
    for n in range(PLACES):
        at = dice.randrange(len(data) * n // PLACES, len(data) * (n + 1) // PLACES)
        harmed = bytearray(data)
        harmed[at] ^= dice.randrange(1, 256)
        yield bytes(harmed)


def other_sizes(data: bytes) -> Iterator[bytes]:
    """Yield a WAV file with sizes that are zero, unknown and stale."""
    at = data.index(b"data") + 4
    for size in (0, 0xFFFFFFFF, 0x7FFFFFFF, 3200):
        yield data[:at] + struct.pack("<I", size) + data[at + 4 :]


def other_shapes(made: Made, sound: Samples) -> Iterator[tuple[str, Made, bytes]]:
    """Yield (what, how, file) for late starts, pauses, tracks, phases, rates and channels that this format takes."""
    wishes = {
        "late start": replace(made, late_s=3.0, pictures=True),
        "pause": replace(made, gap_s=4.0),
        "second track": replace(made, tracks=((0.0,), (1.0,)), pictures=True),
        "opposite phase": replace(made, layout="stereo", tracks=((1.0, -1.0),)),
        "one of six channels": replace(made, layout="5.1", tracks=((0.0, 0.0, 0.0, 0.0, 0.0, 1.0),)),
        **{f"{rate} Hz": replace(made, rate=rate) for rate in (8000, 11_025, 22_050, 44_100, 96_000)},
    }
    for what, wish in wishes.items():
        counted = made.container not in TIMED or made.codec.startswith("pcm")
        if what in {"late start", "pause"} and counted:
            continue
        try:
            yield what, wish, write(wish, sound)
        except UNWRITABLE:  # this format has no such thing
            continue
