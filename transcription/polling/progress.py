"""How far a running job is, where the vendor tells, and how long the rest will take. Pure: no database, no clock.

The speed is that of late: other jobs may take the vendor's time. So it is a mean in which what was seen counts less
the longer ago it was. The rules and parameters: docs/polling.md.
"""

import math
from dataclasses import dataclass

from transcription.polling.schedule import SPARE_POLLS

# Seconds after which a speed that was seen counts 1/e as much.
MEMORY = 20.0
# Shortest time to a poll, in seconds: a vendor tells how far it is in steps, and the end may be a little later.
LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """So many seconds of the audio are done, at so many seconds of audio in a second."""

    done_s: float
    speed: float

    def left_s(self, audio_s: float) -> float:
        """Return the seconds until `audio_s` of audio are done; infinite while nothing moves."""
        left = max(0.0, audio_s - self.done_s)
        return left / self.speed if self.speed > 0 else math.inf


def advanced(before: Progress | None, done_s: float, gap_s: float) -> Progress:
    """Return the progress after an answer that says `done_s`, `gap_s` seconds after the last one, or after the start.

    It never goes back: a vendor that begins anew is waited for at what it had done.
    """
    gap_s = max(gap_s, 1e-3)
    if before is None:
        return Progress(done_s, done_s / gap_s)
    done_s = max(done_s, before.done_s)
    kept = math.exp(-gap_s / MEMORY)
    return Progress(done_s, kept * before.speed + (1 - kept) * (done_s - before.done_s) / gap_s)


def next_poll(progress: Progress, audio_s: float, *, age_s: float, polls: int, advice_s: float) -> float:
    """Return the age at which to ask again: when the job should be done, but within `advice_s`, as people look on.

    The arguments are those of schedule.next_poll, and its bound on the number of polls holds here too.
    """
    gap_s = min(advice_s, max(LEAST, progress.left_s(audio_s)))
    return max(age_s + gap_s, advice_s * (polls + 1 - SPARE_POLLS))
