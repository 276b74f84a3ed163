"""The poll schedule of one row: what was learned of its vendor's turnaround, and what the account's budget leaves.

The history is a table of its own (TurnaroundSample), one small row for each job that was polled to its end. What is
learned from it is kept in the process for a few seconds: a query and a few milliseconds each, however much there is.
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
from transcription.polling import schedule
from transcription.polling.turnaround import Seen, Turnaround, learn
from transcription.service.accounts import gate_of
from transcription.vendors.registry import get_vendor

logger = logging.getLogger(__name__)

# Jobs that are looked at, the newest of about the same length first.
HISTORY = 200
# s that what was learned is kept: so long for each job that it rests on, within these. The first clips of the first
# meeting teach the next ones; and an old picture, seen by all workers at once, makes a whole row of polls too early.
KEPT_FOR_EACH = 0.1
KEPT_FOR = (0.5, 4.0)
# Lengths of audio in steps of a factor of 4: under 4 s, under 16 s, … over 4.5 h.
LENGTH_CLASSES = 8
# The part of the gate's learned pace that polls may take: submits need the rest.
PART_OF_PACE = 0.5

_learned: dict[tuple[str, str, int], tuple[float, Turnaround]] = {}


@dataclass(frozen=True, slots=True)
class Poll:
    """When a row is polled next, and the polls/s that it asks of the budget until then."""

    at: datetime
    rate: float


def length_class(audio_s: float) -> int:
    """Audio of similar length has the same."""
    return min(LENGTH_CLASSES - 1, int(math.log(max(audio_s, 1.0), 4)))


def learned(vendor: str, language: str, audio_s: float) -> Turnaround:
    """The turnaround of this vendor for audio of this language and length, as its newest jobs show it."""
    model, of_length = get_vendor(vendor).model(language), length_class(audio_s)
    kept_until, known = _learned.get((vendor, model, of_length), (0.0, None))
    if known is None or time.monotonic() > kept_until:
        known = learn(_history(vendor, model, of_length), 2.0 * 4**of_length)
        least, most = KEPT_FOR
        kept_for = min(most, max(least, KEPT_FOR_EACH * known.samples))
        _learned[vendor, model, of_length] = (time.monotonic() + kept_for, known)
    return known


def forget() -> None:
    """Reads the history anew when it is next needed."""
    _learned.clear()


def _history(vendor: str, model: str, of_length: int) -> list[Seen]:
    """The newest jobs: of the same length first, then of the nearest. Each class is one step into an index."""
    found: list[Seen] = []
    for near in sorted(range(LENGTH_CLASSES), key=lambda k: abs(k - of_length)):
        rows = TurnaroundSample.objects.filter(vendor=vendor, model=model, length_class=near).order_by("-pk")
        values = rows.values_list("audio_ms", "running_ms", "done_ms")
        found += [Seen(*(ms / 1000 for ms in row)) for row in values[: HISTORY - len(found)]]
        if len(found) >= HISTORY:
            break
    return found


def budget(pace: float | None = None) -> float:
    """Polls/s that the account has. `pace`: requests/s that its gate has learned; None: no limit was ever felt."""
    most: float = settings.STT_POLLS_PER_SECOND
    return most if pace is None else min(most, PART_OF_PACE * pace)


def next_poll(row: Transcription, now: datetime, *, polls: int, asked_at: datetime | None = None) -> Poll:
    """The next poll of a row that the vendor has, with its recording fetched along.

    `polls`: those that found it running; `asked_at`: when the last of them was sent.
    """
    vendor, audio_s = get_vendor(row.vendor), (row.recording.duration_ms or 0) / 1000
    accepted_at = row.submitted_at or now
    age_s = ((asked_at or accepted_at) - accepted_at).total_seconds()
    then_s = schedule.next_poll(
        learned(row.vendor, row.language, audio_s),
        audio_s,
        age_s=age_s,
        polls=polls,
        advice_s=vendor.poll_advice_s,
        worth_s=settings.STT_POLL_WORTH_SECONDS,
        number=row.pk,
    )
    rate = schedule.rate(then_s - age_s)
    gap_s = schedule.stretched(
        then_s - age_s, rate + _asked_by_others(row), budget(_learned_pace(row.vendor))
    )
    return Poll(max(now, accepted_at + timedelta(seconds=age_s + gap_s)), rate)


def _learned_pace(vendor: str) -> float | None:
    try:
        return gate_of(vendor).figures().pace
    except redis.RedisError as error:
        logger.warning("A poll is placed without the gate's pace: %s", error)
        return None


def _asked_by_others(row: Transcription) -> float:
    """Polls/s that the other rows at this vendor would have without a budget."""
    at_vendor = Transcription.objects.live().filter(status=Transcription.Status.PROCESSING, vendor=row.vendor)
    total: float | None = at_vendor.exclude(pk=row.pk).aggregate(total=Sum("poll_rate"))["total"]
    return total or 0.0


def sample(row: Transcription, done_at: datetime) -> TurnaroundSample | None:
    """What a job that a poll, sent at `done_at`, found done adds to the history. None: nothing can be said."""
    if row.submitted_at is None:
        return None
    running_at = row.seen_running_at or row.submitted_at
    running_ms, done_ms = (
        round((at - row.submitted_at).total_seconds() * 1000) for at in (running_at, done_at)
    )
    if not 0 <= running_ms < done_ms:  # machines whose clocks differ
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
