"""Finding what was said: lines in which every word of a query stands, in any case, as a part of a word too.

Korean glues its particles to its words, so a search has to find parts of words. Each database has an index made for
that, which it keeps in step by itself (migrations/0007_search_index.py):
    PostgreSQL   GIN over the one and two characters in a row of each text: words of any length
    SQLite       FTS5 with trigrams: words of three characters or more; shorter ones are looked for in every text
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

LONGEST_QUERY = 200  # characters; the rest is left out
MOST_WORDS = 8
SHORTEST_TRIGRAM = 3


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for: different words, at most MOST_WORDS."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """From whatever was typed. Quotes and signs are characters like any others."""
        composed = unicodedata.normalize("NFC", text)[:LONGEST_QUERY]  # macOS may send Korean in pieces
        clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in composed)
        return cls(tuple(dict.fromkeys(clean.split()))[:MOST_WORDS])

    def parts(self, text: str) -> list[tuple[bool, str]]:
        """`text` in pieces: whether it is one of the words, and the piece."""
        if not self.words:
            return [(False, text)]
        longest_first = sorted(self.words, key=len, reverse=True)
        found = re.compile(f"({'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)
        pieces = found.split(text)
        return [(n % 2 == 1, piece) for n, piece in enumerate(pieces) if piece]


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that was found, and its text in pieces."""

    meeting: Meeting
    line: Line
    parts: list[tuple[bool, str]]


def matching(rows: "QuerySet[Utterance]", query: Query) -> "QuerySet[Utterance]":
    """Those of `rows` in which every word stands; none for an empty query."""
    if not query.words:
        return rows.none()
    short = query.words
    if connection.vendor == "sqlite":
        long = [word for word in query.words if len(word) >= SHORTEST_TRIGRAM]
        short = tuple(word for word in query.words if len(word) < SHORTEST_TRIGRAM)
        if long:
            # As FTS5 strings, in which nothing but the quote itself has a meaning.
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
    """The places of the lines that match, in the order of speaking. One query."""
    rows = matching(Utterance.objects.filter(transcription__meeting=meeting), query)
    places = rows.filter(transcription__is_current=True).values_list(
        F("transcription__recording__offset_ms") + F("start_ms"), "transcription__recording_id", "position"
    )
    return sorted(Key(*place) for place in places)


def in_meetings(visible: "QuerySet[Meeting]", query: Query, first: int, count: int) -> Sequence[Hit]:
    """Lines of these meetings that match, the newest meeting first, in each in the order of speaking. One query."""
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
