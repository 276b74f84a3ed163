"""The transcript of a meeting: its lines in the order of speaking. What files are made of them: export."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F, JSONField, Value
from django.utils.translation import gettext as _

from transcription.models import Meeting, Recording, Utterance

# Rows read at a time: what is in memory is the transcript's text, and never all its words with their times.
ROWS = 500


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said, in the meeting."""

    start_ms: int
    duration_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said. Times are in the meeting. `speaker`: who spoke, "" where nobody knows."""

    recording: int
    start_ms: int
    duration_ms: int
    speaker: str
    text: str
    words: tuple[Word, ...] = ()  # only if they were asked for, and the vendor gave any


def lines(meeting: Meeting) -> list[Line]:
    """All that was said, in the order of speaking. One query, whose rows are as narrow as a line."""
    return list(_read(meeting, with_words=False))


def lines_with_words(meeting: Meeting) -> Iterator[Line]:
    """The same with the words' times, a few hundred rows at a time."""
    return _read(meeting, with_words=True)


def _read(meeting: Meeting, *, with_words: bool) -> Iterator[Line]:
    recording = "transcription__recording__"
    rows = (
        Utterance.objects.with_names()
        .filter(transcription__meeting=meeting, transcription__is_current=True)
        .annotate(begins_ms=F(f"{recording}offset_ms") + F("start_ms"))
        .order_by("begins_ms", "transcription__recording_id", "position")
        .values_list(
            *("transcription__recording_id", "begins_ms", "duration_ms", "text", "speaker"),
            *("start_ms", "words" if with_words else Value(None, JSONField())),
            *(f"{recording}kind", f"{recording}participant__name", "named"),
        )
    )
    for pk, begins_ms, duration_ms, text, label, start_ms, words, kind, person, named in rows.iterator(ROWS):
        yield Line(
            pk,
            begins_ms,
            duration_ms,
            speaker_name(kind, label, person or "", named or ""),
            text,
            tuple(
                Word(begins_ms - start_ms + word["start_ms"], word["duration_ms"], word["text"])
                for word in words or ()
            ),
        )


def utterances(recording: Recording, rows: Iterable[Utterance]) -> list[Line]:
    """The lines of one recording, with times in the recording. `recording` brings its participant along, and `rows`
    their names (`with_names`)."""
    person = recording.participant.name if recording.participant else ""
    return [
        Line(
            recording.pk,
            row.start_ms,
            row.duration_ms,
            speaker_name(recording.kind, row.speaker, person, row.named or ""),  # type: ignore[attr-defined]
            row.text,
        )
        for row in rows
    ]


def speaker_name(kind: str, label: str, person: str, named: str = "") -> str:
    """Who spoke: in a live recording whose microphone it was, in a file the speaker that the vendor heard.

    `label` is the vendor's, which counts from 0 ("" if it gave none); `person` is "" where nobody knows any more;
    `named` what people call this voice, "" where nobody has named it.
    """
    if kind == Recording.Kind.LIVE:
        return person or _("Someone who left")
    if named:
        return named
    if label.isascii() and label.isdecimal():
        return _("Speaker %(number)d") % {"number": int(label) + 1}
    return label
