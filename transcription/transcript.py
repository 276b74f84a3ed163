"""The transcript of a meeting: its lines in the order of speaking, and the four forms it leaves in."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import quote

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from transcription.models import Meeting, Recording, Utterance

Format = Literal["json", "txt", "srt", "vtt"]

CONTENT_TYPES: dict[Format, str] = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
# A caption has to end after it starts, and a word that the vendor gives no length must stay long enough to read.
SHORTEST_CAPTION_MS = 500
LONGEST_FILE_NAME = 80  # characters of the title in it


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said. Times are in the meeting. `speaker`: who spoke, "" where nobody knows."""

    recording: int
    start_ms: int
    duration_ms: int
    speaker: str
    text: str


def lines(meeting: Meeting) -> list[Line]:
    """All that was said, in the order of speaking. One query, whose rows are as narrow as a line."""
    recording = "transcription__recording__"
    user = f"{recording}participant__user__"
    rows = (
        Utterance.objects.filter(transcription__meeting=meeting, transcription__is_current=True)
        .annotate(begins_ms=F(f"{recording}offset_ms") + F("start_ms"))
        .order_by("begins_ms", "transcription__recording_id", "position")
        .values_list(
            *("transcription__recording_id", "begins_ms", "duration_ms", "text", "speaker"),
            *(f"{recording}kind", f"{user}first_name", f"{user}last_name", f"{user}username"),
        )
    )
    return [
        Line(pk, begins_ms, duration_ms, speaker_name(kind, label, _person(*names)), text)
        for pk, begins_ms, duration_ms, text, label, kind, *names in rows
    ]


def utterances(recording: Recording, rows: Iterable[Utterance]) -> list[Line]:
    """The lines of one recording, with times in the recording. `recording` brings participant and user along."""
    user = recording.participant.user if recording.participant else None
    person = _person(user.first_name, user.last_name, user.username) if user else ""
    return [
        Line(
            recording.pk,
            row.start_ms,
            row.duration_ms,
            speaker_name(recording.kind, row.speaker, person),
            row.text,
        )
        for row in rows
    ]


def speaker_name(kind: str, label: str, person: str) -> str:
    """Who spoke: in a live recording whose microphone it was, in a file the speaker that the vendor heard.

    `label` is the vendor's, which counts from 0 ("" if it gave none); `person` is "" for one who was removed.
    """
    if kind == Recording.Kind.LIVE:
        return person or _("Someone who left")
    if label.isascii() and label.isdecimal():
        return _("Speaker %(number)d") % {"number": int(label) + 1}
    return label


def _person(first_name: str | None, last_name: str | None, username: str | None) -> str:
    return f"{first_name or ''} {last_name or ''}".strip() or username or ""


# --- As files -------------------------------------------------------------------------------------


def render(meeting: Meeting, said: list[Line], form: Format) -> str:
    """The transcript as a file of this form."""
    return _RENDERERS[form](meeting, said)


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


def _json(meeting: Meeting, said: list[Line]) -> str:
    content = {
        "meeting": meeting.pk,
        "title": meeting.title,
        "language": meeting.language,
        "lines": [asdict(line) for line in said],
    }
    return json.dumps(content, ensure_ascii=False)


def _txt(meeting: Meeting, said: list[Line]) -> str:
    created = timezone.localtime(meeting.created_at)
    head = [_plain(meeting.title), f"{created:%Y-%m-%d %H:%M %Z}", ""]
    body = [f"[{_clock(line.start_ms)}] {_named(line)}" for line in said]
    return "\n".join([*head, *body]) + "\n"


def _srt(_meeting: Meeting, said: list[Line]) -> str:
    # SubRip has no way to escape: an arrow inside a text would begin a caption in some players.
    return "".join(
        f"{number}\n{_times(line, ',')}\n{_named(line).replace('-->', '→')}\n\n"
        for number, line in enumerate(_captions(said), start=1)
    )


def _vtt(_meeting: Meeting, said: list[Line]) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{number}\n{_times(line, '.')}\n{_voice(line)}{_escaped(line.text)}\n\n"
        for number, line in enumerate(_captions(said), start=1)
    )


_RENDERERS: dict[Format, Callable[[Meeting, list[Line]], str]] = {
    "json": _json,
    "txt": _txt,
    "srt": _srt,
    "vtt": _vtt,
}


def _captions(said: list[Line]) -> list[Line]:
    """Those with something to show. People talk at the same time, and so do captions: both forms allow it."""
    return [line for line in said if _plain(line.text)]


def _named(line: Line) -> str:
    text = _plain(line.text)
    return f"{_plain(line.speaker)}: {text}" if line.speaker else text


def _voice(line: Line) -> str:
    return f"<v {_escaped(line.speaker)}>" if line.speaker else ""


def _escaped(text: str) -> str:
    return _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """On one line, since an empty line ends a caption, and without control characters."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(text.split()))


def _times(line: Line, separator: str) -> str:
    end_ms = line.start_ms + max(line.duration_ms, SHORTEST_CAPTION_MS if line.duration_ms == 0 else 1)
    return f"{_stamp(line.start_ms, separator)} --> {_stamp(end_ms, separator)}"


def _stamp(ms: int, separator: str) -> str:
    """hh:mm:ss and thousandths. Both forms allow more than two digits of hours."""
    return f"{_clock(ms)}{separator}{ms % 1000:03}"


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
