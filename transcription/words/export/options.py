"""The options of an export, and what all formats share."""

import re
from dataclasses import dataclass
from datetime import tzinfo


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to include: the times of lines and the names of speakers.

    `zone` is the reader's time zone, in which the meeting's date is written; None is the server's.

    Subtitles and JSON always have the times. JSON always has the speakers.
    """

    times: bool = True
    speakers: bool = True
    zone: tzinfo | None = None


def plain(text: str) -> str:
    """Return `text` on one line and without control characters or others that XML forbids.

    An empty line would end a caption.
    """
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", " ".join(text.split()))
    return " ".join(shown.split())  # a removed character may leave two spaces in a row


def clock(ms: int) -> str:
    """Return a time as hh:mm:ss, with more digits of hours if needed."""
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
