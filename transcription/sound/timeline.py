"""The timeline for the page's player: where each recording lies in the meeting, and where its lines begin.

It has times and no sound. Of thousands of recordings, the player fetches the ones that it plays.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import TypedDict

from django.db.models import F, FilteredRelation, Q

from transcription.models import Meeting, Recording, Utterance

# Number of lines whose words are fetched at a time.
LINES_OF_WORDS = 50


class Stretch(TypedDict):
    """A recording's place in the meeting.

    `version` is the transcription's, or 0 without one. `at_ms` is in the meeting. With `prepared`, the player plays
    the prepared file, which has a URL of its own. `lines` has (position, start_ms in the recording, duration_ms) of
    each line, in order.
    """

    recording: int
    version: int
    at_ms: int
    duration_ms: int | None  # None while it is not known
    prepared: bool
    name: str  # the file's name
    lines: list[tuple[int, int, int]]


def stretches(meeting: Meeting, only: Collection[int] | None = None) -> list[Stretch]:
    """Return the recordings of a meeting by the time they begin, or only those with an id in `only`. Two queries."""
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
    """Return the words of LINES_OF_WORDS lines by position, from the line at position `first` on.

    Each word is (start_ms in the recording, duration_ms, text). A line for which the vendor gave no words has an
    empty list.
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
