"""The transcript as a file: text, Markdown, Word, subtitles or JSON. `make` makes each of them."""

import json
import unicodedata
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

from transcription.models import Meeting
from transcription.words.export.captions import srt, vtt
from transcription.words.export.documents import docx, markdown, txt
from transcription.words.export.options import ExportOptions
from transcription.words.transcript import SpokenLine, lines, lines_with_words

__all__ = ["CONTENT_TYPES", "ExportOptions", "Format", "disposition", "make", "render"]

Format = Literal["txt", "md", "docx", "srt", "vtt", "json"]

CONTENT_TYPES: dict[Format, str] = {
    "txt": "text/plain; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
}
LONGEST_FILE_NAME = 80  # characters of the meeting's title


def make(meeting: Meeting, form: Format, options: ExportOptions) -> bytes:
    """Return a meeting's file, in the active language. Memory grows with the text, and not with the words' times."""
    said = lines_with_words(meeting) if form in {"srt", "vtt"} else lines(meeting)
    return render(meeting, said, form, options)


def render(meeting: Meeting, said: Iterable[SpokenLine], form: Format, options: ExportOptions) -> bytes:
    """Return the file of the lines in `said`, which must be in the order of speaking."""
    match form:
        case "docx":
            return docx(meeting, said, options)
        case "txt":
            parts = txt(meeting, said, options)
        case "md":
            parts = markdown(meeting, said, options)
        case "srt":
            parts = srt(said, options)
        case "vtt":
            parts = vtt(said, options)
        case "json":
            parts = iter([_json(meeting, said)])
    return "".join(parts).encode()


def disposition(meeting: Meeting, form: Format) -> str:
    """Return the `Content-Disposition` of the file, which is named after the meeting's title.

    It also has an ASCII name for old clients, as RFC 6266 recommends.
    """
    title = "".join(
        " " if unicodedata.category(char)[0] in "CZ" or char in '"*/:<>?\\|' else char
        for char in meeting.title
    )
    title = " ".join(title.split())[:LONGEST_FILE_NAME].strip(" .")
    fallback = f"meeting-{meeting.pk}.{form}"
    name = f"{title}.{form}" if title else fallback
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"


def _json(meeting: Meeting, said: Iterable[SpokenLine]) -> str:
    """Return the lines as JSON for programs, always with times and speakers."""
    content = {
        "meeting": meeting.pk,
        "title": meeting.title,
        "language": meeting.language,
        "lines": [
            {
                "recording": line.recording,
                "start_ms": line.start_ms,
                "duration_ms": line.duration_ms,
                "speaker": line.speaker,
                "language": line.language,
                "text": line.text,
            }
            for line in said
        ],
    }
    return json.dumps(content, ensure_ascii=False)
