"""The lead: a little of what a person said just before a recording, sent along as context.

Somebody who speaks without a pause is recorded in stretches of a few seconds that follow each other without a gap.
A recogniser that hears the first word of a stretch without what came before it often misses it. The vendor
transcribes only what comes after the lead, so nothing is said twice.

A stretch that was cut while its speaker went on may end within a word, whose first half would be heard as a word of
its own. The words that end in its last half second, its tail, are left to the next stretch: that one hears them
whole, because this sound is the end of its lead.
"""

import io
import wave
from typing import NamedTuple

from transcription.models import Recording

# Offsets are rounded to ms, and each stretch's is measured by a clock that is corrected a little now and then.
ADJACENT_MS = 60
# A lead is of so many stretches at most.
STRETCHES = 4
# Half a word, and the moment by which two hearings of it may differ. 300 to 1600 ms gave as few wrong words.
TAIL_MS = 500
# Live stretches are below this. Larger files are not read whole.
LARGEST_BYTES = 2 * 1024**2


class Led(NamedTuple):
    """A WAV file with a lead. lead_ms: how long that is; lead_tail_ms: so much at its end is a tail."""

    content: bytes
    lead_ms: int
    lead_tail_ms: int


class Sound(NamedTuple):
    """The samples of a WAV file. A frame is a sample of each channel."""

    channels: int
    sample_bytes: int
    rate: int
    samples: bytes

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.sample_bytes


def tail_of(recording: Recording, longest_ms: int) -> int:
    """Return how many ms at the recording's end have words that the next one says, 0 if there is no such next one.

    longest_ms: of a lead. It depends on nothing that may change until the next one comes.
    """
    can_lead = longest_ms >= TAIL_MS and recording.participant_id is not None and not recording.prepared
    is_plain = recording.format == "wav" and recording.size_bytes <= LARGEST_BYTES
    goes_on = recording.goes_on and recording.kind == Recording.Kind.LIVE
    # A shorter one is a lead that is too short to hear such words in.
    return TAIL_MS if can_lead and is_plain and goes_on and (recording.duration_ms or 0) >= 2 * TAIL_MS else 0


def with_lead(recording: Recording, longest_ms: int) -> Led | None:
    """Return a WAV file of this recording with up to `longest_ms` of what the person said just before it.

    None if nothing by the same person ends where this recording begins, or if one of the two is no such WAV file.
    """
    if longest_ms <= 0 or recording.kind != Recording.Kind.LIVE or recording.prepared:
        return None
    before = _adjacent(recording)
    own = _read(recording) if before else None
    if before is None or own is None:
        return None
    lead = _end_of(before, own, longest_ms * own.rate // 1000 * own.frame_bytes)
    if not lead:
        return None
    file = io.BytesIO()
    with wave.open(file, "wb") as joined:
        joined.setnchannels(own.channels)
        joined.setsampwidth(own.sample_bytes)
        joined.setframerate(own.rate)
        joined.writeframes(lead + own.samples)
    return Led(file.getvalue(), len(lead) // own.frame_bytes * 1000 // own.rate, tail_of(before, longest_ms))


def _end_of(last: Recording, like: Sound, longest: int) -> bytes:
    """Return up to `longest` bytes of the samples that end with `last`, as far as they have the form of `like`."""
    found, one = b"", last
    for _ in range(STRETCHES):
        sound = _read(one)
        if sound is None or sound[:3] != like[:3]:
            break
        found = sound.samples[-(longest - len(found)) :] + found
        before = _adjacent(one) if len(found) < longest else None
        if before is None:
            break
        one = before
    return found


def _adjacent(recording: Recording) -> Recording | None:
    """Return the live recording of the same person that ends where this one begins."""
    if recording.participant_id is None:
        return None
    # By the index on (meeting, offset_ms): the latest that began before this one, of this person.
    before = (
        Recording.objects.filter(
            meeting_id=recording.meeting_id,
            offset_ms__lt=recording.offset_ms,
            offset_ms__gte=recording.offset_ms - 60_000,
            participant_id=recording.participant_id,
            kind=Recording.Kind.LIVE,
            duration_ms__isnull=False,
        )
        .order_by("-offset_ms", "-id")
        .first()
    )
    if before is None or before.duration_ms is None:
        return None
    gap_ms = recording.offset_ms - (before.offset_ms + before.duration_ms)
    return before if abs(gap_ms) <= ADJACENT_MS else None


def _read(recording: Recording) -> Sound | None:
    """Return the recording's samples, or None if it is no plain WAV file or its file is gone."""
    if recording.format != "wav" or recording.size_bytes > LARGEST_BYTES:
        return None
    try:
        with recording.audio.open("rb") as file, wave.open(file, "rb") as audio:
            return Sound(
                audio.getnchannels(),
                audio.getsampwidth(),
                audio.getframerate(),
                audio.readframes(audio.getnframes()),
            )
    except (wave.Error, EOFError, FileNotFoundError):
        return None
