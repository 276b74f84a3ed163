"""The transcript as files: text, Markdown, Word, subtitles, JSON. `make` is the one way to any of them."""

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
LONGEST_FILE_NAME = 80  # characters of the title in it


def make(meeting: Meeting, form: Format, options: ExportOptions) -> bytes:
    """The file of a meeting, in the language that is active. Its size is that of the text, however many words."""
    said = lines_with_words(meeting) if form in {"srt", "vtt"} else lines(meeting)
    return render(meeting, said, form, options)


def render(meeting: Meeting, said: Iterable[SpokenLine], form: Format, options: ExportOptions) -> bytes:
    """The file of these lines, which are in the order of speaking."""
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
    """Content-Disposition of the file, named after the title. RFC 6266: readers of old get an ASCII name."""
    title = "".join(
        " " if unicodedata.category(char)[0] in "CZ" or char in '"*/:<>?\\|' else char
        for char in meeting.title
    )
    title = " ".join(title.split())[:LONGEST_FILE_NAME].strip(" .")
    fallback = f"meeting-{meeting.pk}.{form}"
    name = f"{title}.{form}" if title else fallback
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"


def _json(meeting: Meeting, said: Iterable[SpokenLine]) -> str:
    """For programs: always with everything."""
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
                "text": line.text,
            }
            for line in said
        ],
    }
    return json.dumps(content, ensure_ascii=False)
