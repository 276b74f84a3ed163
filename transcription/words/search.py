"""Searches the transcripts for lines that contain every word of a query, in any case, also inside longer words.

In Korean, particles are attached to words, so a search has to find parts of words. Each database has an index for
that, and keeps it up to date itself (migrations/0007_search_index.py):
    PostgreSQL   GIN on the unigrams and bigrams of characters of each text; finds words of any length
    SQLite       FTS5 on trigrams; finds words of three characters or more. A shorter word needs a scan of all texts.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, F, QuerySet
from django.db.models.expressions import RawSQL

from transcription.models import Meeting, Utterance
from transcription.words.lines import Key, Line, line_of

LONGEST_QUERY = 200  # characters; the rest is ignored
MOST_WORDS = 8
SHORTEST_TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Query:
    """The distinct words of a search, at most MOST_WORDS."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Parse what a person typed. It has no syntax: quotes and signs are ordinary characters."""
        composed = unicodedata.normalize("NFC", text)[:LONGEST_QUERY]  # macOS may send Korean decomposed
        clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in composed)
        return cls(tuple(dict.fromkeys(clean.split()))[:MOST_WORDS])

    def parts(self, text: str) -> list[tuple[bool, str]]:
        """Split `text` at the words of the query. Return (whether the piece is such a word, piece) for each piece."""
        if not self.words:
            return [(False, text)]
        longest_first = sorted(self.words, key=len, reverse=True)
        found = re.compile(f"({'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)
        pieces = found.split(text)
        return [(n % 2 == 1, piece) for n, piece in enumerate(pieces) if piece]


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that was found, and its text as `Query.parts` splits it."""

    meeting: Meeting
    line: Line
    parts: list[tuple[bool, str]]


def matching(rows: "QuerySet[Utterance]", query: Query) -> "QuerySet[Utterance]":
    """Filter `rows` to those that contain every word of the query. An empty query matches none."""
    if not query.words:
        return rows.none()
    short = query.words
    if connection.vendor == "sqlite":
        long = [word for word in query.words if len(word) >= SHORTEST_TRIGRAM]
        short = tuple(word for word in query.words if len(word) < SHORTEST_TRIGRAM)
        if long:
            # Quote the words as FTS5 strings, in which only the quote itself is special.
            phrases = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
            rows = rows.filter(
                pk__in=RawSQL(
                    "SELECT rowid FROM transcription_utterance_text"
                    " WHERE transcription_utterance_text MATCH %s",
                    [phrases],
                )
            )
    else:
        rows = rows.filter(
            RawSQL(
                'mico_grams("transcription_utterance"."text") @> mico_grams(%s)',
                [" ".join(query.words)],
                output_field=BooleanField(),
            )
        )
    for word in short:
        rows = rows.filter(text__icontains=word)
    return rows


def in_meeting(meeting: Meeting, query: Query) -> list[Key]:
    """Return the keys of the matching lines, sorted. One query."""
    rows = matching(Utterance.objects.filter(transcription__meeting=meeting), query)
    places = rows.filter(transcription__is_current=True).values_list(
        F("transcription__recording__offset_ms") + F("start_ms"), "transcription__recording_id", "position"
    )
    return sorted(Key(*place) for place in places)


def in_meetings(visible: "QuerySet[Meeting]", query: Query, first: int, count: int) -> Sequence[Hit]:
    """Return at most `count` matching lines of the `visible` meetings, from index `first` on. One query.

    The newest meeting comes first; within a meeting, the lines are in the order of speaking.
    """
    rows = (
        matching(
            Utterance.objects.with_names().filter(transcription__meeting__in=visible.values("pk")), query
        )
        .filter(transcription__is_current=True)
        .annotate(begins_ms=F("transcription__recording__offset_ms") + F("start_ms"))
        .select_related("transcription__recording__participant", "transcription__meeting")
        .defer("words")
        .order_by(
            *("-transcription__meeting__created_at", "-transcription__meeting_id"),
            *("begins_ms", "transcription__recording_id", "position"),
        )
    )
    return [
        Hit(row.transcription.meeting, line_of(row), query.parts(row.text))
        for row in rows[first : first + count]
    ]
