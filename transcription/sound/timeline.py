"""What the page's player knows of a meeting: where each recording lies in it, and where in that its lines begin.

The player gets numbers and no sound: of thousands of recordings it fetches those that it plays.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import TypedDict

from django.db.models import F, FilteredRelation, Q

from transcription.models import Meeting, Recording, Utterance

# Lines whose words are fetched at a time.
LINES_OF_WORDS = 50


class Stretch(TypedDict):
    """A recording. `prepared`: what is played is the prepared file, which has an address of its own.

    `version` is the transcription's, 0 without one. `lines`: [position, start_ms in the recording, duration_ms]
    of each, in order.
    """

    recording: int
    version: int
    at_ms: int
    duration_ms: int | None  # None: not known yet
    prepared: bool
    name: str  # a file's
    lines: list[tuple[int, int, int]]


def stretches(meeting: Meeting, only: Collection[int] | None = None) -> list[Stretch]:
    """The recordings of a meeting in the order of their beginnings; with `only`, some. Two queries."""
    recordings = Recording.objects.filter(meeting=meeting)
    said = Utterance.objects.filter(transcription__meeting=meeting, transcription__is_current=True)
    if only is not None:
        recordings = recordings.filter(pk__in=only)
        said = said.filter(transcription__recording__in=only)
    lines: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    rows = said.order_by("start_ms", "position").values_list(
        "transcription__recording_id", "position", "start_ms", "duration_ms"
    )
    for recording, *line in rows:
        lines[recording].append((line[0], line[1], line[2]))
    columns = (
        recordings.annotate(
            current=FilteredRelation("transcriptions", condition=Q(transcriptions__is_current=True)),
            version=F("current__version"),
        )
        .order_by("offset_ms", "pk")
        .values_list("pk", "version", "offset_ms", "duration_ms", "prepared", "name")
    )
    return [
        {
            "recording": pk,
            "version": version or 0,
            "at_ms": at_ms,
            "duration_ms": duration_ms,
            "prepared": bool(prepared),
            "name": name,
            "lines": lines[pk],
        }
        for pk, version, at_ms, duration_ms, prepared, name in columns
    ]


def words(recording: Recording, first: int) -> dict[int, list[tuple[int, int, str]]]:
    """The words of LINES_OF_WORDS lines, from the line at position `first` on: [start_ms, duration_ms, text].

    Times are in the recording. Empty for a line of which the vendor gave none.
    """
    rows = Utterance.objects.filter(
        transcription__recording=recording,
        transcription__is_current=True,
        position__gte=first,
        position__lt=first + LINES_OF_WORDS,
    ).values_list("position", "words")
    return {
        position: [(word["start_ms"], word["duration_ms"], word["text"]) for word in spoken]
        for position, spoken in rows
    }
