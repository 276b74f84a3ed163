"""The transcript of a meeting: its lines in the order of speaking. `export` makes files of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F, JSONField, Value
from django.utils.translation import gettext as _

from transcription.models import Meeting, Recording, Transcription, Utterance
from transcription.vendors.languages import tag

# Rows read at a time, so that the words of all lines with their times are never in memory together.
ROWS = 500


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word. `start_ms` is in the meeting."""

    start_ms: int
    duration_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of the transcript. `speaker` is the name to show, or "" if nobody knows who spoke.

    `language` is a tag (`language_tag`).
    """

    recording: int
    start_ms: int
    duration_ms: int
    speaker: str
    text: str
    language: str = ""
    words: tuple[SpokenWord, ...] = ()  # only from `lines_with_words`, and only if the vendor gave any


def lines(meeting: Meeting) -> list[SpokenLine]:
    """Return all lines of a meeting, with times in the meeting and without words. One query."""
    return list(_read(meeting, with_words=False))


def lines_with_words(meeting: Meeting) -> Iterator[SpokenLine]:
    """Iterate over all lines of a meeting with their words, reading ROWS rows at a time. One query."""
    return _read(meeting, with_words=True)


def _read(meeting: Meeting, *, with_words: bool) -> Iterator[SpokenLine]:
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
            *("language", "transcription__language"),
        )
    )
    for row in rows.iterator(ROWS):
        pk, begins_ms, duration_ms, text, label, start_ms, words, kind, person, named, own, meetings = row
        yield SpokenLine(
            pk,
            begins_ms,
            duration_ms,
            speaker_name(kind, label, person or "", named or ""),
            text,
            language_tag(own, meetings),
            tuple(
                SpokenWord(begins_ms - start_ms + word["start_ms"], word["duration_ms"], word["text"])
                for word in words or ()
            ),
        )


def utterances(of: Transcription, rows: Iterable[Utterance]) -> list[SpokenLine]:
    """Return the lines of one transcription, with times in its recording and without words.

    `of` must have been fetched with its recording's participant, and `rows` with names (`with_names`).
    """
    recording = of.recording
    person = recording.participant.name if recording.participant else ""
    return [
        SpokenLine(
            recording.pk,
            row.start_ms,
            row.duration_ms,
            speaker_name(recording.kind, row.speaker, person, row.named or ""),  # type: ignore[attr-defined]
            row.text,
            language_tag(row.language, of.language),
        )
        for row in rows
    ]


def language_tag(own: str, meetings: str) -> str:
    """Return the tag of a line's language: the line's own, else the meeting's; "" if nobody knows it.

    Both are as the vendor and the meeting say it; a mode (`detect`, `multi`) is no language.
    """
    return tag(own) or tag(meetings)


def speaker_name(kind: str, label: str, person: str, named: str = "") -> str:
    """Return the name of a line's speaker: the participant in a live recording, a voice in a file.

    `label` is the vendor's for the voice, which counts from 0, or "" without one. `person` is the participant's name,
    or "" if the participant is gone. `named` is the name that people gave the voice, or "" without one.
    """
    if kind == Recording.Kind.LIVE:
        return person or _("Someone who left")
    if named:
        return named
    if label.isascii() and label.isdecimal():
        return _("Speaker %(number)d") % {"number": int(label) + 1}
    return label
