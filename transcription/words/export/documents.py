"""Documents for reading: plain text, Markdown and Word.

Plain text has one line of text for each line. In Markdown and Word, successive lines of one speaker are one paragraph
below the speaker's name.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import docx as word
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from docx.text.paragraph import Paragraph

from transcription.models import Meeting
from transcription.words.export.options import ExportOptions, clock, plain
from transcription.words.transcript import SpokenLine

# What Markdown would read as markup, inside a line and at its beginning.
_MARKS = re.compile(r"([\\`*_\[\]<>|~#&!$^])")
_BEGINNINGS = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+=])")


@dataclass(frozen=True, slots=True)
class Turn:
    """Successive lines of one speaker. `start_ms` is in the meeting."""

    start_ms: int
    speaker: str
    text: str


def txt(meeting: Meeting, said: Iterable[SpokenLine], options: ExportOptions) -> Iterator[str]:
    """Yield the parts of a text file: one line of text for each line, with its time and speaker."""
    created = timezone.localtime(meeting.created_at, options.zone)
    yield f"{plain(meeting.title)}\n{created:%Y-%m-%d %H:%M} {zone_name(created)}\n\n"
    for line in said:
        time = f"[{clock(line.start_ms)}] " if options.times else ""
        speaker = f"{plain(line.speaker)}: " if options.speakers and line.speaker else ""
        yield f"{time}{speaker}{plain(line.text)}\n"


def markdown(meeting: Meeting, said: Iterable[SpokenLine], options: ExportOptions) -> Iterator[str]:
    """Yield the parts of a Markdown file: a paragraph for each turn, below its speaker and time."""
    yield f"# {_marked(meeting.title)}\n\n{_created(meeting, options)}\n"
    for turn in turns(said):
        speaker = f"**{_marked(turn.speaker)}**" if options.speakers and turn.speaker else ""
        time = clock(turn.start_ms) if options.times else ""
        head = " · ".join(part for part in (speaker, time) if part)
        yield "\n" + (f"{head}\n\n" if head else "") + f"{_marked(turn.text)}\n"


def docx(meeting: Meeting, said: Iterable[SpokenLine], options: ExportOptions) -> bytes:
    """Return a Word document: a paragraph for each turn, below its speaker and time, in the active language."""
    document = word.Document()
    document.core_properties.title = plain(meeting.title)
    document.core_properties.author = "Mico"
    document.core_properties.created = meeting.created_at.replace(tzinfo=None)
    language = get_language() or "en"
    document.core_properties.language = language
    normal = document.styles["Normal"]
    normal.font.size = Pt(11)
    # Word has a separate setting for the font of East Asian characters; without it, Word picks any font.
    fonts = normal.element.get_or_add_rPr().get_or_add_rFonts()
    fonts.set(qn("w:eastAsia"), "Malgun Gothic")
    document.add_heading(plain(meeting.title), level=1)
    document.add_paragraph(_created(meeting, options))
    end = document.element.body.sectPr
    for turn in turns(said):
        speaker = plain(turn.speaker) if options.speakers else ""
        if speaker or options.times:
            head = Paragraph(_appended(end), document)
            head.paragraph_format.keep_with_next = True
            head.paragraph_format.space_after = Pt(0)
            if speaker:
                head.add_run(speaker).bold = True
            if options.times:
                time = head.add_run(f"{'  ' if speaker else ''}{clock(turn.start_ms)}")
                time.font.size = Pt(9)
                time.font.color.rgb = RGBColor(0x5A, 0x61, 0x5C)
        Paragraph(_appended(end), document).add_run(turn.text)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _appended(end: Any) -> Any:
    """Insert a paragraph before `end`, the last element of the document's body, and return it.

    `document.add_paragraph` searches through all the paragraphs each time: half a minute for the lines of a long day.
    """
    paragraph = OxmlElement("w:p")
    end.addprevious(paragraph)
    return paragraph


def turns(said: Iterable[SpokenLine]) -> Iterator[Turn]:
    """Join successive lines of one speaker into turns. Lines without text are left out.

    Lines whose speaker is not known form a turn if they belong to the same recording.
    """
    for (speaker, _recording), lines in groupby(
        said, key=lambda line: (line.speaker, 0 if line.speaker else line.recording)
    ):
        together = [line for line in lines if plain(line.text)]
        if together:
            text = " ".join(plain(line.text) for line in together)
            yield Turn(together[0].start_ms, speaker, text)


def _created(meeting: Meeting, options: ExportOptions) -> str:
    """Return when the meeting was created, in the reader's time zone and in the format of the active language."""
    created = timezone.localtime(meeting.created_at, options.zone)
    return f"{date_format(created, 'DATETIME_FORMAT')} {zone_name(created)}"


def zone_name(moment: datetime) -> str:
    """Return the name of a moment's time zone: "UTC", or "UTC+09:00", which says more abroad than "KST"."""
    offset = f"{moment:%z}"
    return "UTC" if offset in {"", "+0000"} else f"UTC{offset[:3]}:{offset[3:5]}"


def _marked(text: str) -> str:
    escaped = _MARKS.sub(r"\\\1", plain(text))
    return _BEGINNINGS.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", escaped)
