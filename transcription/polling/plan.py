"""The poll schedule of a row: its vendor's learned turnaround, and the account's budget of polls.

The history is the table TurnaroundSample, with one row for each job that a poll found done. A process keeps what it
learned for a few seconds. Learning costs a few short queries and some milliseconds, whatever the size of the table.
"""

import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db.models import Sum

from transcription.models import Transcription, TurnaroundSample
from transcription.polling import progress, schedule
from transcription.polling.turnaround import Seen, Turnaround, learn
from transcription.service.accounts import gate_of
from transcription.vendors.registry import get_vendor

logger = logging.getLogger(__name__)

# Jobs to learn from: the newest of about the same length first.
HISTORY = 200
# Seconds to keep an estimate, for each job that it rests on, and the bounds of that time. At first it is short, so
# that the first clips of the first meeting teach the next ones. It never becomes long, because with an old estimate
# every worker polls too early.
KEPT_FOR_EACH = 0.1
KEPT_FOR = (0.5, 4.0)
# Classes of audio length, a factor of 4 each: under 4 s, under 16 s, … over 4.5 h.
LENGTH_CLASSES = 8
# Share of the jobs of its kind that have ended when one that was cancelled here is taken to have ended, too.
ENDED_SHARE = 0.95
# Fraction of the gate's learned pace that polls may use. Submits need the rest.
PART_OF_PACE = 0.5

_learned: dict[tuple[str, str, int], tuple[float, Turnaround]] = {}


@dataclass(frozen=True, slots=True)
class Poll:
    """When to poll a row next, and the polls/s that the row asks of the budget until then."""

    at: datetime
    rate: float


def length_class(audio_s: float) -> int:
    """Return the class of an audio length, 0 to LENGTH_CLASSES - 1."""
    return min(LENGTH_CLASSES - 1, int(math.log(max(audio_s, 1.0), 4)))


def learned(vendor: str, language: str, audio_s: float) -> Turnaround:
    """Return the estimated turnaround of this vendor for audio of this language and length.

    It may be up to KEPT_FOR seconds old.
    """
    model, of_length = get_vendor(vendor).model(language), length_class(audio_s)
    kept_until, known = _learned.get((vendor, model, of_length), (0.0, None))
    if known is None or time.monotonic() > kept_until:
        known = learn(_history(vendor, model, of_length), 2.0 * 4**of_length)
        least, most = KEPT_FOR
        kept_for = min(most, max(least, KEPT_FOR_EACH * known.samples))
        _learned[vendor, model, of_length] = (time.monotonic() + kept_for, known)
    return known


def forget() -> None:
    """Drop what was learned. The next caller reads the history again."""
    _learned.clear()


def _history(vendor: str, model: str, of_length: int) -> list[Seen]:
    """Return the newest jobs, of the same class of length first, then of the nearest. One query for each class."""
    found: list[Seen] = []
    for near in sorted(range(LENGTH_CLASSES), key=lambda k: abs(k - of_length)):
        rows = TurnaroundSample.objects.filter(vendor=vendor, model=model, length_class=near).order_by("-pk")
        values = rows.values_list("audio_ms", "running_ms", "done_ms")
        found += [Seen(*(ms / 1000 for ms in row)) for row in values[: HISTORY - len(found)]]
        if len(found) >= HISTORY:
            break
    return found


def budget(pace: float | None = None) -> float:
    """Return the account's budget in polls/s.

    `pace` is the requests/s that its gate has learned, or None while it has learned none.
    """
    most: float = settings.STT_POLLS_PER_SECOND
    return most if pace is None else min(most, PART_OF_PACE * pace)


def next_poll(row: Transcription, now: datetime, *, polls: int, asked_at: datetime | None = None) -> Poll:
    """Return when to poll a row whose job is at the vendor. Its recording should be fetched with it.

    `polls` have found it running; the last of them was sent at `asked_at`. The time is never before `now`.
    """
    vendor, audio_s = get_vendor(row.vendor), (row.recording.duration_ms or 0) / 1000
    accepted_at = row.submitted_at or now
    age_s = ((asked_at or accepted_at) - accepted_at).total_seconds()
    advice_s = vendor.poll_advice_s
    told = progress_of(row)
    if told is not None:
        then_s = progress.next_poll(told, audio_s, age_s=age_s, polls=polls, advice_s=advice_s)
    else:
        then_s = schedule.next_poll(
            learned(row.vendor, row.language, audio_s),
            audio_s,
            age_s=age_s,
            polls=polls,
            advice_s=advice_s,
            worth_s=settings.STT_POLL_WORTH_SECONDS,
            number=row.pk,
        )
        if vendor.tells_progress:  # people look on: they should soon see how far it is
            then_s = min(then_s, age_s + advice_s)
    rate = schedule.rate(then_s - age_s)
    gap_s = schedule.stretched(
        then_s - age_s, rate + _asked_by_others(row), budget(_learned_pace(row.vendor))
    )
    return Poll(max(now, accepted_at + timedelta(seconds=age_s + gap_s)), rate)


def progress_of(row: Transcription) -> progress.Progress | None:
    """Return how far the row's job was at `seen_running_at`, or None if its vendor has not told."""
    if row.progress_ms is None or row.progress_speed is None:
        return None
    return progress.Progress(row.progress_ms / 1000, row.progress_speed)


def ends_in(row: Transcription, now: datetime) -> float:
    """Return the seconds within which a job of the row's kind and age is done with probability ENDED_SHARE.

    The row's recording should be fetched with it. Raises LookupError for a vendor that the settings do not have.
    """
    audio_s = (row.recording.duration_ms or 0) / 1000
    age_s = max(0.0, (now - (row.submitted_at or now)).total_seconds())
    return learned(row.vendor, row.language, audio_s).left(audio_s, age_s, ENDED_SHARE)


def note_progress(row: Transcription, done_ms: int | None, asked_at: datetime) -> None:
    """Put how far the job is into the fields of the row, which the caller saves. The recording is fetched with it.

    `done_ms` is of the audio that was sent, as the poll sent at `asked_at` was told; None leaves the row as it is.
    """
    duration_ms = row.recording.duration_ms
    since = row.seen_running_at or row.submitted_at
    if done_ms is None or duration_ms is None or since is None:
        return
    done_s = min(max(0, done_ms - row.lead_ms), duration_ms) / 1000
    now = progress.advanced(progress_of(row), done_s, (asked_at - since).total_seconds())
    row.progress_ms, row.progress_speed = round(1000 * now.done_s), now.speed


def _learned_pace(vendor: str) -> float | None:
    try:
        return gate_of(vendor).figures().pace
    except redis.RedisError as error:
        logger.warning("A poll is scheduled without the gate's pace, as Redis is unavailable: %s", error)
        return None


def _asked_by_others(row: Transcription) -> float:
    """Return the sum of the polls/s that the other rows at this vendor ask for."""
    at_vendor = Transcription.objects.live().filter(status=Transcription.Status.PROCESSING, vendor=row.vendor)
    total: float | None = at_vendor.exclude(pk=row.pk).aggregate(total=Sum("poll_rate"))["total"]
    return total or 0.0


def sample(row: Transcription, done_at: datetime) -> TurnaroundSample | None:
    """Return the unsaved row of the history for a job that the poll sent at `done_at` found done.

    Return None if the row has no time of acceptance, or its times contradict each other.
    """
    if row.submitted_at is None:
        return None
    running_at = row.seen_running_at or row.submitted_at
    running_ms, done_ms = (
        round((at - row.submitted_at).total_seconds() * 1000) for at in (running_at, done_at)
    )
    if not 0 <= running_ms < done_ms:  # clocks of two machines differ
        return None
    audio_ms = row.recording.duration_ms or 0
    return TurnaroundSample(
        vendor=row.vendor,
        model=get_vendor(row.vendor).model(row.language),
        length_class=length_class(audio_ms / 1000),
        audio_ms=audio_ms,
        running_ms=running_ms,
        done_ms=done_ms,
    )
