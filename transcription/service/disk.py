"""Whether there is room for recordings, for the console and for preflight."""

from dataclasses import dataclass

import redis

from transcription import room
from transcription.live import no_room


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of this process, and what all processes have met.

    `free_bytes`: None if that cannot be told; `times`: how often something found no room within no_room.LATELY, None
    while Redis is away.
    """

    free_bytes: int | None
    times: int | None

    @property
    def is_full(self) -> bool:
        """Whether something found no room lately, or soon will."""
        return bool(self.times) or (self.free_bytes is not None and self.free_bytes < room.LITTLE_BYTES)


def disk() -> Disk:
    """Return how the disk is now."""
    try:
        free = room.free_bytes()
    except OSError:
        free = None
    try:
        times = no_room.count()
    except redis.RedisError:
        times = None
    return Disk(free, times)
